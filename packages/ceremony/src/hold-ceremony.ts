// The ceremony itself: three holders' keys are drawn, shared and sealed, for all wallets at once. What comes out is public
// or sealed, nothing else.
import { createHash, randomBytes } from "node:crypto";
import { fingerprintOf, walletDescriptor, xpubFromPublicKey } from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { loadNativeCurve } from "@sluice/keys";
import {
  type Account,
  CEREMONY_ID_BYTES,
  type CeremonyFile,
  type CeremonyHolder,
  type CeremonyWallet,
  type CoinType,
  deriveAccounts,
  ENTROPY_BYTES,
  encodeShare,
  guardedRandom,
  type SecureBuffer,
  shareDigest,
  splitSecret,
  wipe,
} from "@sluice/keys/custody";
import type { CeremonyPlan, PlannedWallet } from "./plan.ts";
import { sealShare } from "./sealed-share.ts";

export type ShareFile = { readonly holder: Holder; readonly custodian: string; readonly bytes: Uint8Array };

export type Ceremony = {
  readonly record: CeremonyFile;
  /** The content of a wallets file. */
  readonly wallets: readonly {
    readonly walletId: string;
    readonly asset: "BTC";
    readonly descriptor: string;
    readonly gapLimit: number;
  }[];
  readonly shares: readonly ShareFile[];
};

/** Where entropy comes from: guarded memory that the ceremony takes over and wipes. Tests look at what they gave. */
export type DrawEntropy = (bytes: number) => SecureBuffer;

export async function holdCeremony(plan: CeremonyPlan, draw: DrawEntropy = guardedRandom): Promise<Ceremony> {
  const ceremonyId = randomBytes(CEREMONY_ID_BYTES);
  const made = [];
  for (const holder of HOLDERS) made.push(await makeHolder(plan, holder, ceremonyId, draw));
  const { network, wallets } = plan;
  const holders = made.map(({ record }) => record);
  const recorded = wallets.map((wallet) => describeWallet(wallet, network, holders));
  return {
    record: { version: 2, ceremonyId: ceremonyId.toString("hex"), network, wallets: recorded, holders },
    wallets: wallets.map((wallet, at) => listWallet(wallet, recorded[at]?.descriptor ?? "")),
    shares: made.flatMap(({ shares }) => shares),
  };
}

/** Three holders' keys of one account are a wallet. */
export function describeWallet(
  { walletId, account }: Pick<PlannedWallet, "walletId" | "account">,
  network: CeremonyPlan["network"],
  holders: readonly CeremonyHolder[],
): CeremonyWallet & { readonly walletId: string } {
  const [a, b, c] = holders.map(({ fingerprint, accounts }) => {
    const own = accounts.find((each) => each.account === account);
    if (own === undefined) throw new Error(`every holder has account ${account}`);
    return { fingerprint, path: own.path, xpub: own.xpub };
  });
  if (a === undefined || b === undefined || c === undefined) throw new Error("a wallet has three holders");
  return { walletId, account, descriptor: walletDescriptor(network, [a, b, c]) };
}

/** As a wallets file has it. */
export function listWallet(
  { walletId, gapLimit }: Pick<PlannedWallet, "walletId" | "gapLimit">,
  descriptor: string,
): Ceremony["wallets"][number] {
  return { walletId, asset: "BTC", descriptor, gapLimit };
}

async function makeHolder(plan: CeremonyPlan, holder: Holder, ceremonyId: Uint8Array, draw: DrawEntropy) {
  const { threshold, custodians } = plan.holders[holder];
  const entropy = draw(ENTROPY_BYTES);
  const numbers = plan.wallets.map(({ account }) => account);
  const derived = deriveAccounts(entropy, coinOf(plan.network), numbers, loadNativeCurve());
  const bodies = await splitSecret(entropy, { shares: custodians.length, threshold });
  wipe(entropy, ...derived.map(({ key }) => key));
  const head = { ceremonyId, holderIndex: HOLDERS.indexOf(holder), threshold, count: custodians.length };
  const shares: ShareFile[] = [];
  const listed: CeremonyHolder["shares"] = [];
  for (const [at, { name, recipient }] of custodians.entries()) {
    const body = bodies[at];
    if (body === undefined) throw new Error("every custodian gets a share");
    const share = encodeShare(head, body);
    const digest = shareDigest(share);
    const bytes = await sealShare(share, recipient);
    wipe(share, body);
    shares.push({ holder, custodian: name, bytes });
    listed.push({ custodian: name, recipient, digest, fileDigest: sha256(bytes) });
  }
  const [first] = derived;
  if (first === undefined) throw new Error("a ceremony makes a wallet");
  const fingerprint = fingerprintOf(first.masterPublicKey);
  const accounts = derived.map((account) => describeAccount(account, plan.network));
  const record: CeremonyHolder = { holder, fingerprint, accounts, threshold, shares: listed };
  wipe(...derived.map(({ chainCode }) => chainCode));
  return { record, shares };
}

export function coinOf(network: CeremonyPlan["network"]): CoinType {
  return network === "mainnet" ? 0 : 1;
}

/** What is public of an account: where it is, how a descriptor names it, and its key. */
export function describeAccount(
  { account, chainCode, publicKey, depth, childNumber, path, parentPublicKey }: Account,
  network: CeremonyPlan["network"],
): CeremonyHolder["accounts"][number] {
  const parentFingerprint = fingerprintOf(parentPublicKey);
  return {
    account,
    path,
    xpub: xpubFromPublicKey({ network, depth, parentFingerprint, childNumber, chainCode, publicKey }),
    publicKey: Buffer.from(publicKey).toString("hex"),
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
