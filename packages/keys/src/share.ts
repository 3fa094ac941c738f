// A custodian's share as bytes: which ceremony, whose key, how many are needed, and Shamir's own part. Only ever in memory.
import sodium, { type SecureBuffer } from "sodium-native";
import { ENTROPY_BYTES } from "./account-key.ts";
import { guarded } from "./guarded-memory.ts";

export type ShareHead = {
  /** 16 bytes. */
  readonly ceremonyId: Uint8Array;
  /** The holder's place in the ceremony's manifest. */
  readonly holderIndex: number;
  readonly threshold: number;
  readonly count: number;
};

const MAGIC = Buffer.from("SLS1", "latin1");
export const CEREMONY_ID_BYTES = 16;
const BODY_AT = MAGIC.length + CEREMONY_ID_BYTES + 3;
const BODY_BYTES = ENTROPY_BYTES + 1;
export const SHARE_BYTES = BODY_AT + BODY_BYTES;

export function encodeShare(head: ShareHead, body: Uint8Array): SecureBuffer {
  const share = guarded(SHARE_BYTES);
  share.set(MAGIC);
  share.set(head.ceremonyId, MAGIC.length);
  share.set([head.holderIndex, head.threshold, head.count], BODY_AT - 3);
  share.set(body, BODY_AT);
  return share;
}

/** `null` for what is no share. The body is a view of the share: it goes when the share is wiped. */
export function readShare(share: Uint8Array): { readonly head: ShareHead; readonly body: Uint8Array } | null {
  if (share.length !== SHARE_BYTES || MAGIC.some((byte, at) => share[at] !== byte)) return null;
  const [holderIndex = 0, threshold = 0, count = 0] = share.subarray(BODY_AT - 3, BODY_AT);
  const ceremonyId = Uint8Array.from(share.subarray(MAGIC.length, MAGIC.length + CEREMONY_ID_BYTES));
  return { head: { ceremonyId, holderIndex, threshold, count }, body: share.subarray(BODY_AT) };
}

/** Public: it says which share this is, and nothing about what is in it (32 of its bytes are uniformly random). */
export function shareDigest(share: Uint8Array): string {
  const digest = Buffer.alloc(32);
  sodium.crypto_hash_sha256(digest, Buffer.from(share.buffer, share.byteOffset, share.byteLength));
  return digest.toString("hex");
}
