// Extended public keys and their non-hardened children (BIP32). Private ones are recognised only to be refused.
import { ok, type Result, refused } from "@sluice/core";
import { isPointCompressed, pointAddScalar } from "tiny-secp256k1";
import { decodeBase58Check, encodeBase58Check } from "./base58check.ts";
import { hash160, hmacSha512 } from "./hashing.ts";
import { type BitcoinNetwork, NETWORKS } from "./network.ts";
import { concatBytes, fromHex, toHex } from "./wire.ts";

/** What derives children: a compressed public key and its chain code, 33 and 32 bytes. */
export type ParentKey = { readonly publicKey: Uint8Array; readonly chainCode: Uint8Array };

export type ExtendedPublicKey = ParentKey & {
  readonly depth: number;
  /** Eight hex digits. */
  readonly parentFingerprint: string;
  /** With the top bit set for a hardened child. */
  readonly childNumber: number;
};

/** The child's key and chain code, and the scalar whose addition leads from the parent's key to the child's. */
export type ChildKey = ParentKey & { readonly tweak: Uint8Array };

export type XpubRefusal = { readonly code: "XPUB_MALFORMED" | "XPUB_PRIVATE" | "XPUB_WRONG_NETWORK" };

export const HARDENED = 0x8000_0000;
const SERIALIZED_BYTES = 78;
const PRIVATE_VERSIONS: ReadonlySet<number> = new Set(Object.values(NETWORKS).map(({ xprvVersion }) => xprvVersion));
const PUBLIC_VERSIONS: ReadonlySet<number> = new Set(Object.values(NETWORKS).map(({ xpubVersion }) => xpubVersion));

export function parseXpub(text: string, network: BitcoinNetwork): Result<ExtendedPublicKey, XpubRefusal> {
  const payload = decodeBase58Check(text);
  if (!payload.ok || payload.value.length !== SERIALIZED_BYTES) return refused({ code: "XPUB_MALFORMED" });
  const bytes = payload.value;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const version = view.getUint32(0);
  if (PRIVATE_VERSIONS.has(version)) return refused({ code: "XPUB_PRIVATE" });
  if (!PUBLIC_VERSIONS.has(version)) return refused({ code: "XPUB_MALFORMED" });
  if (version !== NETWORKS[network].xpubVersion) return refused({ code: "XPUB_WRONG_NETWORK" });
  const key: ExtendedPublicKey = {
    depth: view.getUint8(4),
    parentFingerprint: toHex(bytes.subarray(5, 9)),
    childNumber: view.getUint32(9),
    chainCode: bytes.slice(13, 45),
    publicKey: bytes.slice(45),
  };
  // A master key has neither a parent nor a number (BIP32, test vector 5).
  const orphan = key.parentFingerprint === "00000000" && key.childNumber === 0;
  if (key.depth === 0 && !orphan) return refused({ code: "XPUB_MALFORMED" });
  return isPointCompressed(key.publicKey) ? ok(key) : refused({ code: "XPUB_MALFORMED" });
}

/** The xpub or tpub text of a public key; every field is checked, because the text outlives the process. */
export function writeXpub(network: BitcoinNetwork, key: ExtendedPublicKey): string {
  if (!Number.isInteger(key.depth) || key.depth < 0 || key.depth > 255) throw new Error("a depth is 0 to 255");
  if (!/^[0-9a-f]{8}$/.test(key.parentFingerprint)) throw new Error("a fingerprint is eight hex digits");
  if (key.chainCode.length !== 32) throw new Error("a chain code has 32 bytes");
  if (!isPointCompressed(key.publicKey)) throw new Error("a public key is a compressed point of the curve");
  const head = new DataView(new ArrayBuffer(5));
  head.setUint32(0, NETWORKS[network].xpubVersion);
  head.setUint8(4, key.depth);
  return encodeBase58Check(
    concatBytes(
      new Uint8Array(head.buffer),
      fromHex(key.parentFingerprint),
      u32be(key.childNumber),
      key.chainCode,
      key.publicKey,
    ),
  );
}

/** One non-hardened step of public derivation (BIP32, CKDpub). */
export function deriveChild(parent: ParentKey, index: number): ChildKey {
  if (!Number.isInteger(index) || index < 0 || index >= HARDENED)
    throw new Error(`no public child has number ${index}`);
  const digest = hmacSha512(parent.chainCode, concatBytes(parent.publicKey, u32be(index)));
  const tweak = digest.slice(0, 32);
  const publicKey = pointAddScalar(parent.publicKey, tweak, true);
  // BIP32 says to take the next index; the chance is below 1 in 2^127, and silently skipping one would cost a script.
  if (publicKey === null) throw new Error(`public child ${index} does not exist`);
  return { publicKey, chainCode: digest.slice(32), tweak };
}

/** The first four bytes of a public key's HASH160, as eight hex digits (BIP32). */
export function fingerprintOf(publicKey: Uint8Array): string {
  return toHex(hash160(publicKey).subarray(0, 4));
}

function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
