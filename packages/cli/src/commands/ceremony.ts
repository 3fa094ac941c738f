// sluice ceremony: makes three holders' keys and leaves a folder of what is public and what is sealed.
import { readFileSync } from "node:fs";
import { folderFaults, hardenProcess, holdCeremony, readPlan, writeCeremony } from "@sluice/ceremony";
import { type Command, type Fault, type Outcome, requiredText, type Values } from "../command.ts";

export const ceremony: Command = {
  name: "ceremony",
  summary: "makes the keys of three holders for one wallet or several, and seals a share of each to every custodian",
  usage: [
    "--plan FILE    JSON: network, wallets (walletId, account, gapLimit), and for each holder its threshold and custodians",
    "--out FOLDER   made anew; gets ceremony.json, wallets.json and shares/<holder>/<custodian>.age",
    "Hold it on a machine without network and disk, and switch the machine off afterwards.",
  ],
  options: { plan: { type: "string" }, out: { type: "string" } },
  run: holdAndWrite,
};

async function holdAndWrite(values: Values): Promise<Outcome> {
  const folder = requiredText(values, "out");
  const read = readPlan(readText(requiredText(values, "plan")));
  const faults = [...memoryFaults(), ...folderFaults(folder), ...("faults" in read ? read.faults : [])];
  if ("faults" in read || faults.length > 0) return { kind: "refused", faults };
  const made = await holdCeremony(read.plan);
  writeCeremony(folder, made);
  const { record } = made;
  const holders = record.holders.map(({ holder, fingerprint, accounts, threshold, shares }) => ({
    holder,
    fingerprint,
    paths: accounts.map(({ path }) => path),
    threshold,
    custodians: shares.map(({ custodian }) => custodian),
  }));
  return {
    kind: "done",
    lines: [
      `ceremony ${record.ceremonyId} on ${record.network}`,
      ...holders.map(
        ({ holder, fingerprint, paths, threshold, custodians }) =>
          `${holder}: ${fingerprint} at m/${paths.join(", m/")}, any ${threshold} of ${custodians.join(", ")}`,
      ),
      ...record.wallets.map(({ walletId, descriptor }) => `wallet ${walletId}: ${descriptor}`),
      `written to ${folder}. Next: sluice ceremony rehearse --folder ${folder} --identities FOLDER`,
    ],
    json: { ceremonyId: record.ceremonyId, network: record.network, wallets: record.wallets, folder, holders },
  };
}

/** What is in this process's memory is for nobody else. */
export function memoryFaults(): readonly Fault[] {
  return hardenProcess().map((message) => ({ code: "MEMORY_NOT_CLOSED", message }));
}

/** A file that is not there is as empty as one: the reader of its content says what is wrong. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
