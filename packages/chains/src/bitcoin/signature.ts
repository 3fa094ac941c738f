// ECDSA signatures as a witness holds them: strict DER and a sighash byte, low S, verified (BIP66, BIP146).
import { ok, type Result, refused } from "@sluice/core";
import { verify } from "tiny-secp256k1";
import { SIGHASH_ALL } from "./sighash.ts";
import { compareBytes, concatBytes, fromHex } from "./wire.ts";

export type SignatureFault = "MALFORMED" | "SIGHASH_TYPE" | "HIGH_S";

const ORDER = fromHex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
const HALF_ORDER = fromHex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
const ZERO = new Uint8Array(32);
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** From the 64-byte compact form to DER followed by SIGHASH_ALL. */
export function writeSignature(compact: Uint8Array): Uint8Array {
  const r = writeInteger(compact.subarray(0, 32));
  const s = writeInteger(compact.subarray(32));
  return concatBytes(Uint8Array.of(SEQUENCE, r.length + s.length), r, s, Uint8Array.of(SIGHASH_ALL));
}

/** From DER and its sighash byte to the 64-byte compact form. Every signature has one accepted spelling (BIP66). */
export function readSignature(bytes: Uint8Array): Result<Uint8Array, SignatureFault> {
  const der = bytes.subarray(0, -1);
  const [sequence, length, , rLength = 0] = der;
  if (sequence !== SEQUENCE || length !== der.length - 2) return refused("MALFORMED");
  const r = readInteger(der.subarray(2, 4 + rLength));
  const s = readInteger(der.subarray(4 + rLength));
  if (r === null || s === null) return refused("MALFORMED");
  if (bytes.at(-1) !== SIGHASH_ALL) return refused("SIGHASH_TYPE");
  if (compareBytes(s, HALF_ORDER) > 0) return refused("HIGH_S");
  return ok(concatBytes(r, s));
}

/** Both numbers are between 1 and the order of the curve, and S is the lower of the two that would do (BIP146). */
export function isLowS(compact: Uint8Array): boolean {
  const r = compact.subarray(0, 32);
  const s = compact.subarray(32);
  return compact.length === 64 && isScalar(r) && isScalar(s) && compareBytes(s, HALF_ORDER) <= 0;
}

export function isValidSignature(digest: Uint8Array, publicKey: Uint8Array, compact: Uint8Array): boolean {
  return isLowS(compact) && verify(digest, publicKey, compact, true);
}

function isScalar(bytes: Uint8Array): boolean {
  return compareBytes(bytes, ZERO) > 0 && compareBytes(bytes, ORDER) < 0;
}

function writeInteger(scalar: Uint8Array): Uint8Array {
  const first = scalar.findIndex((byte) => byte !== 0);
  const digits = scalar.subarray(first < 0 ? 31 : first);
  const sign = (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : Uint8Array.of();
  return concatBytes(Uint8Array.of(INTEGER, sign.length + digits.length), sign, digits);
}

/** A positive DER integer in its shortest form, as 32 bytes within the order of the curve; otherwise null. */
function readInteger(der: Uint8Array): Uint8Array | null {
  const [tag, length, first = 0, second = 0] = der;
  if (tag !== INTEGER || length === undefined || length === 0 || length !== der.length - 2) return null;
  if (first >= 0x80) return null;
  if (first === 0 && length > 1 && second < 0x80) return null;
  const digits = der.subarray(first === 0 ? 3 : 2);
  if (digits.length > 32) return null;
  const scalar = concatBytes(new Uint8Array(32 - digits.length), digits);
  return isScalar(scalar) ? scalar : null;
}
