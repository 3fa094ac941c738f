// Shares of one holder opened with their custodians' identities, each held against the record.
import { readFileSync } from "node:fs";
import {
  type Account,
  type CeremonyFile,
  type CeremonyHolder,
  combineShares,
  deriveAccounts,
  readShare,
  shareDigest,
  wipe,
} from "@sluice/keys/custody";
import { shareFileOf } from "./ceremony-folder.ts";
import { coinOf, sha256 } from "./hold-ceremony.ts";
import type { CeremonyFault } from "./plan.ts";
import { openShare } from "./sealed-share.ts";

export type OpenedShare = { readonly custodian: string; readonly share: Uint8Array };

/** In ordinary memory: whoever opens them wipes them. */
export async function openShares(
  folder: string,
  record: CeremonyFile,
  own: CeremonyHolder,
  identityOf: (custodian: string) => string | null,
): Promise<{ readonly shares: readonly OpenedShare[]; readonly faults: readonly CeremonyFault[] }> {
  const shares: OpenedShare[] = [];
  const faults: CeremonyFault[] = [];
  for (const listed of own.shares) {
    const who = `${own.holder}, ${listed.custodian}`;
    const opened = await openOne(shareFileOf(folder, own.holder, listed.custodian), listed, identityOf);
    if (typeof opened === "string") faults.push({ code: opened, message: who });
    else if (isListed(opened, record, own, listed.digest)) shares.push({ custodian: listed.custodian, share: opened });
    else {
      wipe(opened);
      faults.push({ code: "SHARE_ALTERED", message: `${who}: not the share that was recorded` });
    }
  }
  return { shares, faults };
}

async function openOne(
  path: string,
  { custodian, fileDigest }: CeremonyHolder["shares"][number],
  identityOf: (custodian: string) => string | null,
): Promise<Uint8Array | string> {
  let file: Uint8Array;
  try {
    file = readFileSync(path);
  } catch {
    return "SHARE_FILE_MISSING";
  }
  if (sha256(file) !== fileDigest) return "SHARE_FILE_ALTERED";
  const identity = identityOf(custodian);
  if (identity === null) return "IDENTITY_MISSING";
  return (await openShare(file, identity)) ?? "IDENTITY_DOES_NOT_OPEN";
}

function isListed(share: Uint8Array, record: CeremonyFile, own: CeremonyHolder, digest: string): boolean {
  const head = readShare(share)?.head;
  return (
    head !== undefined &&
    shareDigest(share) === digest &&
    Buffer.from(head.ceremonyId).toString("hex") === record.ceremonyId &&
    record.holders[head.holderIndex]?.holder === own.holder &&
    head.threshold === own.threshold &&
    head.count === own.shares.length
  );
}

/** Their public halves: every key that is restored is overwritten before this answers. */
export async function restoreAccounts(
  shares: readonly Uint8Array[],
  network: CeremonyFile["network"],
  accounts: readonly number[],
): Promise<readonly Account[]> {
  const entropy = await combineShares(shares.map((share) => readShare(share)?.body ?? new Uint8Array(0)));
  const derived = deriveAccounts(entropy, coinOf(network), accounts);
  wipe(entropy, ...derived.map(({ key }) => key));
  return derived;
}
