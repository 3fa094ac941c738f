// sluice ceremony add-wallet: one more wallet of the shares that are there, as a record that all holders pin anew.
import { join } from "node:path";
import { addWallet, folderFaults, plannedWalletSchema, writeCeremony } from "@sluice/ceremony";
import type { Command, Fault, Values } from "../command.ts";
import { requiredText } from "../command.ts";
import { readIdentity } from "../identity-file.ts";
import { memoryFaults } from "./ceremony.ts";

export const ceremonyAddWallet: Command = {
  name: "ceremony add-wallet",
  summary: "derives one more wallet from the shares of a ceremony; no share is made anew",
  usage: [
    "--folder FOLDER       what the ceremony left",
    "--identities FOLDER   <custodian>.txt of enough custodians of every holder, mode 0600 or 0400",
    "--wallet ID --account NUMBER [--gap-limit NUMBER]",
    "--out FOLDER          made anew; gets ceremony.json and wallets.json with the wallet added",
    "As at the ceremony: on a machine without network and disk that is switched off afterwards.",
  ],
  options: {
    folder: { type: "string" },
    identities: { type: "string" },
    wallet: { type: "string" },
    account: { type: "string" },
    "gap-limit": { type: "string" },
    out: { type: "string" },
  },
  run: async (values) => {
    const [folder, identities, out] = ["folder", "identities", "out"].map((name) => requiredText(values, name));
    const planned = plannedWalletSchema.safeParse(plannedOf(values));
    const named = planned.success ? [] : planned.error.issues;
    const faults: readonly Fault[] = [
      ...memoryFaults(),
      ...folderFaults(out ?? ""),
      ...named.map(({ path, message }) => ({ code: "WALLET_INVALID", message: `${path.join(".")}: ${message}` })),
    ];
    if (!planned.success || faults.length > 0) return { kind: "refused", faults };
    const added = await addWallet(folder ?? "", planned.data, (custodian) => {
      const read = readIdentity(join(identities ?? "", `${custodian}.txt`));
      return "identity" in read ? read.identity : null;
    });
    if ("faults" in added) return { kind: "refused", faults: added.faults };
    writeCeremony(out ?? "", added.ceremony);
    const wallet = added.ceremony.wallets.at(-1);
    return {
      kind: "done",
      lines: [`wallet ${wallet?.walletId}: ${wallet?.descriptor}`, `written to ${out}; the shares stay as they are`],
      json: { walletId: planned.data.walletId, account: planned.data.account, descriptor: wallet?.descriptor ?? "" },
    };
  },
};

function plannedOf(values: Values): object {
  const number = (name: string) => Number(requiredText(values, name));
  return {
    walletId: requiredText(values, "wallet"),
    account: number("account"),
    ...(values["gap-limit"] === undefined ? {} : { gapLimit: number("gap-limit") }),
  };
}
