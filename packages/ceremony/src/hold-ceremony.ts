// The ceremony itself: three holders' keys are drawn, shared and sealed. What comes out is public or sealed, nothing else.
import { createHash, randomBytes } from "node:crypto";
import { fingerprintOf, walletDescriptor, xpubFromPublicKey } from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { loadNativeCurve } from "@sluice/keys";
import {
  type Account,
  CEREMONY_ID_BYTES,
  type CeremonyFile,
  type CeremonyHolder,
  deriveAccount,
  ENTROPY_BYTES,
  encodeShare,
  guardedRandom,
  type SecureBuffer,
  shareDigest,
  splitSecret,
  wipe,
} from "@sluice/keys/custody";
import type { CeremonyPlan } from "./plan.ts";
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
  const [a, b, c] = made.map(({ record }) => record);
  if (a === undefined || b === undefined || c === undefined) throw new Error("a wallet has three holders");
  const descriptor = walletDescriptor(plan.network, [a, b, c]);
  const { walletId, gapLimit, network } = plan;
  return {
    record: { version: 1, ceremonyId: ceremonyId.toString("hex"), network, descriptor, holders: [a, b, c] },
    wallets: [{ walletId, asset: "BTC", descriptor, gapLimit }],
    shares: made.flatMap(({ shares }) => shares),
  };
}

async function makeHolder(plan: CeremonyPlan, holder: Holder, ceremonyId: Uint8Array, draw: DrawEntropy) {
  const { threshold, custodians } = plan.holders[holder];
  const entropy = draw(ENTROPY_BYTES);
  const account = deriveAccount(entropy, plan.network === "mainnet" ? 0 : 1, loadNativeCurve());
  const bodies = await splitSecret(entropy, { shares: custodians.length, threshold });
  wipe(entropy, account.key);
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
  const record: CeremonyHolder = { holder, ...describeAccount(account, plan.network), threshold, shares: listed };
  wipe(account.chainCode);
  return { record, shares };
}

/** What is public of an account: how a descriptor names it, and its key. */
export function describeAccount(account: Account, network: CeremonyPlan["network"]) {
  const { chainCode, publicKey, depth, childNumber, path, parentPublicKey } = account;
  const parentFingerprint = fingerprintOf(parentPublicKey);
  return {
    fingerprint: fingerprintOf(account.masterPublicKey),
    path,
    xpub: xpubFromPublicKey({ network, depth, parentFingerprint, childNumber, chainCode, publicKey }),
    publicKey: Buffer.from(publicKey).toString("hex"),
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
