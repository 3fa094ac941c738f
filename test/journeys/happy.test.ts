// The whole way: a signed request becomes a confirmed payment, once, for the exact amount, and every book agrees.
import { decodeTransaction, parseAddress } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { networkInterfacesOf } from "@sluice/devstack";
import { expect, it } from "vitest";
import { follow, paymentsTo, withStack } from "./with-stack.ts";

const stack = withStack();

it("pays ten withdrawals of several accounts, each once and exactly", async () => {
  await stack().fund([30_000_000n, 20_000_000n]);
  const wanted = await Promise.all(
    Array.from({ length: 10 }, async (_, at) => ({
      id: `happy-${at}`,
      account: `account-${at % 3}`,
      asset: "BTC",
      amount: 100_000n + BigInt(at),
      address: await stack().chain.newAddress(),
    })),
  );
  await Promise.all(wanted.map((withdrawal) => stack().client.createWithdrawal(withdrawal)));
  const ended = await Promise.all(wanted.map(({ id }) => follow(stack(), id, ["completed"])));
  expect(ended.map(({ state }) => state)).toEqual(wanted.map(() => "completed"));
  for (const [at, { id, address, amount }] of wanted.entries()) {
    const txids = await paymentsTo(stack(), address);
    expect(txids, id).toEqual([ended[at]?.txid]);
    expect(await paid(txids[0] ?? "", address), id).toBe(amount);
  }
});

it("shows every state on the way, in the order of the journey", async () => {
  const { history } = await stack().client.getWithdrawal("happy-0");
  const states = history.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  const journey = ["received", "cleared", "planned", "signing", "signed", "broadcast", "confirming", "completed"];
  expect(states).toEqual(journey.filter((state) => states.includes(state as (typeof states)[number])));
  expect(states.slice(0, 2)).toEqual(["received", "cleared"]);
  expect(states.at(-1)).toBe("completed");
});

it("leaves the ledger balanced, in step with the chain, and every payout posted", async () => {
  await expect.poll(async () => (await ledger()).reconciliation.driftSat, { timeout: 20_000 }).toBe("0");
  const { balances, payouts } = await ledger();
  expect(balances.reduce((sum, { amountMinor }) => sum + BigInt(amountMinor), 0n)).toBe(0n);
  expect(balances.find(({ account }) => account === "in-flight")?.amountMinor ?? "0").toBe("0");
  const own = payouts.filter(({ withdrawalId }) => withdrawalId.startsWith("happy-"));
  expect(own.map(({ standing }) => standing)).toEqual(Array.from({ length: 10 }, () => "posted"));
});

it("answers the same request the same way, and another body under its id never", async () => {
  const first = await stack().client.getWithdrawal("happy-0");
  const { id, account, asset, amount, address } = first;
  const again = await stack().client.createWithdrawal({ id, account, asset, amount: BigInt(amount), address });
  expect({ id: again.id, txid: again.txid, state: again.state }).toEqual({ id, txid: first.txid, state: "completed" });
  const other = stack().client.createWithdrawal({ id, account, asset, amount: BigInt(amount) + 1n, address });
  await expect(other).rejects.toMatchObject({ status: 409, code: "WITHDRAWAL_ID_REUSED" });
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
});

it("runs the semi-offline zone where the kernel shows no interface but a loopback", () => {
  if (!stack().isolation.noIp) throw new Error(`this machine cannot show it: ${stack().isolation.detail}`);
  for (const name of ["semi-offline-risk", ...HOLDERS] as const) {
    expect(networkInterfacesOf(stack().processOf(name).pid), name).toEqual(["lo"]);
  }
});

async function paid(txid: string, address: string): Promise<bigint> {
  const { hex } = await stack().chain.rpc<{ hex: string }>("getrawtransaction", txid, true);
  const parsed = parseAddress("regtest", address);
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  const script = Buffer.from(parsed.value.scriptPubKey);
  return decodeTransaction(Buffer.from(hex, "hex"))
    .outputs.filter(({ scriptPubKey }) => script.equals(scriptPubKey))
    .reduce((sum, { amountSat }) => sum + amountSat, 0n);
}

type Ledger = {
  readonly balances: readonly { account: string; amountMinor: string }[];
  readonly reconciliation: { readonly driftSat: string };
  readonly payouts: readonly { withdrawalId: string; standing: string }[];
};

async function ledger(): Promise<Ledger> {
  return (await (await fetch(`${stack().httpUrls.treasury}/ledger`)).json()) as Ledger;
}
