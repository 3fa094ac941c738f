// The dress rehearsal: every share set is restored and has to make the recorded key. Nothing that is restored is kept.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf, parseDescriptor, walletsFileSchema } from "@sluice/chains";
import { type CeremonyFile, type CeremonyHolder, type CeremonyWallet, wipe } from "@sluice/keys/custody";
import { readCeremony, WALLETS_FILE } from "./ceremony-folder.ts";
import { describeAccount } from "./hold-ceremony.ts";
import { openShares, restoreAccounts } from "./open-shares.ts";
import type { CeremonyFault } from "./plan.ts";

export type Rehearsal = {
  readonly faults: readonly CeremonyFault[];
  /** What was really restored and compared. */
  readonly holders: readonly { readonly holder: string; readonly shares: number; readonly sets: number }[];
};

/** Up to so many sets of a holder are all restored; beyond, as many as it takes for every share to be in one. */
const ALL_SETS_UP_TO = 40;

/** `identityOf` gives a custodian's identity, or null when it is not here. Every fault is listed. */
export async function rehearse(folder: string, identityOf: (custodian: string) => string | null): Promise<Rehearsal> {
  const read = readCeremony(folder);
  if ("faults" in read) return { faults: read.faults, holders: [] };
  const { record } = read;
  const faults = [...walletFaults(folder, record)];
  const holders = [];
  for (const own of record.holders) {
    const opened = await openShares(folder, record, own, identityOf);
    faults.push(...opened.faults);
    const sets = subsets(opened.shares.length, own.threshold);
    if (opened.shares.length < own.threshold) {
      faults.push({ code: "SHARES_TOO_FEW", message: `${own.holder}: ${opened.shares.length} of ${own.threshold}` });
    }
    for (const set of sets) {
      const custodians = set.map((at) => opened.shares[at]?.custodian ?? "");
      const others = await accountsThatDiffer(
        set.map((at) => opened.shares[at]?.share ?? new Uint8Array(0)),
        record,
        own,
      );
      for (const account of others) {
        const message = `${own.holder}: the shares of ${custodians.join(", ")} make another key of account ${account}`;
        faults.push({ code: "KEY_DIFFERS", message });
      }
    }
    wipe(...opened.shares.map(({ share }) => share));
    holders.push({ holder: own.holder, shares: opened.shares.length, sets: sets.length });
  }
  return { faults, holders };
}

/** The record, its descriptors and the wallets file have to say the same. */
export function walletFaults(folder: string, record: CeremonyFile): readonly CeremonyFault[] {
  const faults = record.wallets.flatMap((wallet) => descriptorFaults(wallet, record));
  try {
    const rows = walletsFileSchema.parse(JSON.parse(readFileSync(join(folder, WALLETS_FILE), "utf8")));
    for (const { walletId, descriptor } of record.wallets) {
      // A record of one wallet does not name it.
      if (rows.some((row) => row.descriptor === descriptor && row.walletId === (walletId ?? row.walletId))) continue;
      const message = `${WALLETS_FILE} does not list the recorded descriptor${walletId === null ? "" : ` of ${walletId}`}`;
      faults.push({ code: "WALLETS_DIFFER", message });
    }
  } catch {
    faults.push({ code: "WALLETS_UNREADABLE", message: `${WALLETS_FILE} is no wallets file` });
  }
  return faults;
}

/** The three recorded keys of the account stand in the descriptor; it has no room for others. */
function descriptorFaults({ account, descriptor }: CeremonyWallet, record: CeremonyFile): CeremonyFault[] {
  const parsed = parseDescriptor(descriptor, record.network);
  if (!parsed.ok) return [{ code: "DESCRIPTOR_INVALID", message: `account ${account}: ${parsed.refusal.detail}` }];
  return record.holders.flatMap(({ holder, fingerprint, accounts }) => {
    const key = accounts.find((each) => each.account === account);
    const named = parsed.value.holders.some((own) => own.fingerprint === fingerprint && own.xpub === key?.xpub);
    if (named) return [];
    return [
      { code: "DESCRIPTOR_DIFFERS", message: `${holder} does not stand in the descriptor of account ${account}` },
    ];
  });
}

/** The accounts whose key these shares do not make; none when all is well. */
async function accountsThatDiffer(
  shares: readonly Uint8Array[],
  record: CeremonyFile,
  own: CeremonyHolder,
): Promise<readonly number[]> {
  const numbers = own.accounts.map(({ account }) => account);
  const derived = await restoreAccounts(shares, record.network, numbers);
  const differing = derived.filter((account, at) => {
    const made = describeAccount(account, record.network);
    const recorded = own.accounts[at];
    return (
      fingerprintOf(account.masterPublicKey) !== own.fingerprint ||
      made.path !== recorded?.path ||
      made.xpub !== recorded.xpub ||
      made.publicKey !== recorded.publicKey
    );
  });
  wipe(...derived.map(({ chainCode }) => chainCode));
  return differing.map(({ account }) => account);
}

/** All sets of `size` places out of `count`; when they are too many, each place with those that follow it. */
export function subsets(count: number, size: number): readonly (readonly number[])[] {
  if (size > count) return [];
  const all: number[][] = [];
  const extend = (chosen: readonly number[], from: number): void => {
    if (all.length > ALL_SETS_UP_TO) return;
    if (chosen.length === size) return void all.push([...chosen]);
    for (let at = from; at < count; at += 1) extend([...chosen, at], at + 1);
  };
  extend([], 0);
  if (all.length <= ALL_SETS_UP_TO) return all;
  return Array.from({ length: count }, (_, first) => Array.from({ length: size }, (_, at) => (first + at) % count));
}
