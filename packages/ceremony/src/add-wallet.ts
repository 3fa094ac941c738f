// One more wallet of the same shares: enough custodians of every holder come together once more, and the record grows.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { walletsFileSchema } from "@sluice/chains";
import { type CeremonyFile, type CeremonyHolder, MOST_WALLETS, wipe } from "@sluice/keys/custody";
import { readCeremony, WALLETS_FILE } from "./ceremony-folder.ts";
import { type Ceremony, describeAccount, describeWallet, listWallet } from "./hold-ceremony.ts";
import { openShares, restoreAccounts } from "./open-shares.ts";
import type { CeremonyFault, PlannedWallet } from "./plan.ts";
import { walletFaults } from "./rehearse.ts";

export type Added = { readonly ceremony: Ceremony } | { readonly faults: readonly CeremonyFault[] };

/**
 * The record and the wallets with one account more; no share is made anew. The restored keys have to be the recorded ones
 * in every account there is, and are kept nowhere.
 */
export async function addWallet(
  folder: string,
  added: PlannedWallet,
  identityOf: (custodian: string) => string | null,
): Promise<Added> {
  const read = readCeremony(folder);
  if ("faults" in read) return read;
  const { record } = read;
  const known = walletFaults(folder, record);
  if (known.length > 0) return { faults: known };
  const rows = walletsFileSchema.parse(JSON.parse(readFileSync(join(folder, WALLETS_FILE), "utf8")));
  const taken = takenFaults(added, record, rows);
  if (taken.length > 0) return { faults: taken };

  const holders: CeremonyHolder[] = [];
  const faults: CeremonyFault[] = [];
  for (const own of record.holders) {
    const grown = await addAccount(folder, record, own, added.account, identityOf);
    if ("faults" in grown) faults.push(...grown.faults);
    else holders.push(grown.holder);
  }
  if (faults.length > 0) return { faults };
  const wallet = describeWallet(added, record.network, holders);
  // A record of one wallet does not name it; the wallets file does, and was compared.
  const named = record.wallets.map(({ walletId, account, descriptor }) => ({
    ...{ account, descriptor, walletId: walletId ?? rows.find((row) => row.descriptor === descriptor)?.walletId ?? "" },
  }));
  return {
    ceremony: {
      record: { ...record, wallets: [...named, wallet], holders },
      wallets: [...rows, listWallet(added, wallet.descriptor)],
      shares: [],
    },
  };
}

function takenFaults(
  { walletId, account }: PlannedWallet,
  { wallets }: CeremonyFile,
  rows: readonly { readonly walletId: string }[],
): readonly CeremonyFault[] {
  const faults: CeremonyFault[] = [];
  if (rows.some((row) => row.walletId === walletId) || wallets.some((one) => one.walletId === walletId)) {
    faults.push({ code: "WALLET_ID_TAKEN", message: `there is a wallet ${walletId} already` });
  }
  if (wallets.some((one) => one.account === account)) {
    faults.push({ code: "ACCOUNT_TAKEN", message: `account ${account} is a wallet's already` });
  }
  if (wallets.length >= MOST_WALLETS) {
    faults.push({ code: "WALLETS_TOO_MANY", message: `a ceremony has at most ${MOST_WALLETS} wallets` });
  }
  return faults;
}

/** Custodians who are away are no fault while enough of the others are there; anything else that is wrong is. */
async function addAccount(
  folder: string,
  record: CeremonyFile,
  own: CeremonyHolder,
  account: number,
  identityOf: (custodian: string) => string | null,
): Promise<{ readonly holder: CeremonyHolder } | { readonly faults: readonly CeremonyFault[] }> {
  const { shares, faults } = await openShares(folder, record, own, identityOf);
  const wrong = faults.filter(({ code }) => code !== "IDENTITY_MISSING" && code !== "SHARE_FILE_MISSING");
  if (shares.length < own.threshold) {
    wrong.push({ code: "SHARES_TOO_FEW", message: `${own.holder}: ${shares.length} of ${own.threshold}` });
  }
  if (wrong.length > 0) {
    wipe(...shares.map(({ share }) => share));
    return { faults: wrong };
  }
  const set = shares.slice(0, own.threshold).map(({ share }) => share);
  const numbers = [...own.accounts.map((each) => each.account), account];
  const derived = await restoreAccounts(set, record.network, numbers);
  wipe(...shares.map(({ share }) => share));
  const accounts = derived.map((each) => describeAccount(each, record.network));
  wipe(...derived.map(({ chainCode }) => chainCode));
  const differs = own.accounts.find((recorded, at) => accounts[at]?.xpub !== recorded.xpub);
  if (differs === undefined) return { holder: { ...own, accounts } };
  return { faults: [{ code: "KEY_DIFFERS", message: `${own.holder}: another key of account ${differs.account}` }] };
}
