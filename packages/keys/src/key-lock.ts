// A holder's lock: closed at start, opened by its custodians' shares, closed again on demand. Step 6 needs it open.
import type { SecureBuffer } from "sodium-native";
import { deriveAccounts } from "./account-key.ts";
import type { CeremonyFile, CeremonyHolder } from "./ceremony-file.ts";
import { wipe } from "./guarded-memory.ts";
import type { NativeCurve } from "./native-curve.ts";
import { holdSecretKey, type SecretKey } from "./secret-key.ts";
import { combineShares } from "./shamir.ts";
import { readShare, shareDigest } from "./share.ts";
import { createShareBox, type ShareBox } from "./share-box.ts";

/** Why a share is not taken, in the order of the checks. Shares that were taken before stay. */
export const SHARE_REFUSALS = {
  HOLDER_SERVING: "this holder has its key already",
  SHARE_SEALED_OTHERWISE: "this was not sealed to this holder as it runs now, or was changed on the way",
  SHARE_MALFORMED: "what was sealed is no share",
  SHARE_OF_OTHER_CEREMONY: "the share is of another ceremony",
  SHARE_OF_OTHER_HOLDER: "the share is of another holder",
  SHARE_ALTERED: "the share is none of those that the ceremony made",
  SHARE_DOUBLED: "this share is here already",
  SHARES_MAKE_OTHER_KEY: "the shares do not make every key of this holder; all were overwritten",
} as const;

export type ShareRefusalCode = keyof typeof SHARE_REFUSALS;

export type LockStatus = {
  readonly state: "locked" | "serving";
  readonly shares: number;
  readonly threshold: number;
  /** Whose shares are here. */
  readonly custodians: readonly string[];
};

export type KeyLock = {
  /** One for each wallet of the ceremony, in their order; while the lock is closed there are none. */
  readonly keys: () => readonly SecretKey[] | null;
  readonly status: () => LockStatus;
  /** To what the next share has to be sealed. */
  readonly recipient: () => Uint8Array;
  /** Not to be called again before it has answered. */
  readonly feed: (sealed: Uint8Array) => Promise<ShareRefusalCode | null>;
  /** Overwrites keys and shares. */
  readonly lock: () => void;
};

type Kept = { readonly custodian: string; readonly share: SecureBuffer };

export function createKeyLock(ceremony: CeremonyFile, holder: string, curve: NativeCurve): KeyLock {
  const own = ceremony.holders.find((each) => each.holder === holder);
  if (own === undefined) throw new Error(`the ceremony knows no holder ${holder}`);
  let box: ShareBox = createShareBox();
  let kept: Kept[] = [];
  let keys: readonly SecretKey[] | null = null;

  const dropShares = (): void => {
    wipe(...kept.map(({ share }) => share));
    kept = [];
  };

  async function feed(sealed: Uint8Array): Promise<ShareRefusalCode | null> {
    if (keys !== null) return "HOLDER_SERVING";
    const share = box.open(sealed);
    if (share === null) return "SHARE_SEALED_OTHERWISE";
    const custodian = judgeShare(share, ceremony, own as CeremonyHolder);
    const refusal = custodian.code ?? (kept.some((each) => each.custodian === custodian.name) ? "SHARE_DOUBLED" : null);
    if (refusal !== null) {
      wipe(share);
      return refusal;
    }
    kept.push({ custodian: custodian.name ?? "", share });
    if (kept.length < (own as CeremonyHolder).threshold) return null;
    const made = await combineToKeys(
      kept.map((each) => each.share),
      ceremony,
      own as CeremonyHolder,
      curve,
    );
    dropShares();
    // Whoever recorded what came over the console finds no key for it any more.
    box.destroy();
    if (made === null) {
      box = createShareBox();
      return "SHARES_MAKE_OTHER_KEY";
    }
    keys = made;
    return null;
  }

  return {
    keys: () => keys,
    status: () => ({
      state: keys === null ? "locked" : "serving",
      shares: kept.length,
      threshold: own.threshold,
      custodians: kept.map(({ custodian }) => custodian),
    }),
    recipient: () => box.recipient,
    feed,
    lock: () => {
      for (const key of keys ?? []) key.wipe();
      keys = null;
      dropShares();
      box.destroy();
      box = createShareBox();
    },
  };
}

type Judged =
  | { readonly code: ShareRefusalCode; readonly name?: undefined }
  | { readonly code: null; readonly name: string };

function judgeShare(share: SecureBuffer, ceremony: CeremonyFile, own: CeremonyHolder): Judged {
  const read = readShare(share);
  if (read === null) return { code: "SHARE_MALFORMED" };
  const { ceremonyId, holderIndex } = read.head;
  if (Buffer.from(ceremonyId).toString("hex") !== ceremony.ceremonyId) return { code: "SHARE_OF_OTHER_CEREMONY" };
  if (ceremony.holders[holderIndex]?.holder !== own.holder) return { code: "SHARE_OF_OTHER_HOLDER" };
  const digest = shareDigest(share);
  const pinned = own.shares.find((each) => each.digest === digest);
  return pinned === undefined ? { code: "SHARE_ALTERED" } : { code: null, name: pinned.custodian };
}

/** Shares to entropy to account keys, which must all be the pinned ones. Everything in between is overwritten. */
async function combineToKeys(
  shares: readonly SecureBuffer[],
  ceremony: CeremonyFile,
  own: CeremonyHolder,
  curve: NativeCurve,
): Promise<readonly SecretKey[] | null> {
  const bodies = shares.map((share) => readShare(share)?.body ?? new Uint8Array(0));
  const entropy = await combineShares(bodies);
  const numbers = own.accounts.map(({ account }) => account);
  const accounts = deriveAccounts(entropy, ceremony.network === "mainnet" ? 0 : 1, numbers, curve);
  wipe(entropy, ...accounts.map(({ chainCode }) => chainCode));
  const pinned = own.accounts.map(({ publicKey }) => publicKey);
  if (accounts.every(({ publicKey }, at) => Buffer.from(publicKey).toString("hex") === pinned[at])) {
    return accounts.map(({ key }) => holdSecretKey(key, curve));
  }
  wipe(...accounts.map(({ key }) => key));
  return null;
}
