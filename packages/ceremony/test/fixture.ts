// A ceremony with custodians that exist only in a test.
import { HOLDERS } from "@sluice/contracts";
import { type CeremonyPlan, type Custodian, createCustodian } from "../src/index.ts";

export async function makeCustodians(names: readonly string[]): Promise<ReadonlyMap<string, Custodian>> {
  const made = await Promise.all(names.map(createCustodian));
  return new Map(made.map((custodian) => [custodian.name, custodian]));
}

export function makePlan(custodians: ReadonlyMap<string, Custodian>, threshold = 2): CeremonyPlan {
  const custody = {
    threshold,
    custodians: [...custodians.values()].map(({ name, recipient }) => ({ name, recipient })),
  };
  const [a, b, c] = HOLDERS;
  return {
    network: "regtest",
    wallets: [
      { walletId: "hot", account: 0, gapLimit: 20 },
      { walletId: "hot-2", account: 1, gapLimit: 30 },
    ],
    holders: { [a]: custody, [b]: custody, [c]: custody } as CeremonyPlan["holders"],
  };
}
