// The hashes that Bitcoin names: SHA-256 once and twice, RIPEMD-160 of SHA-256, HMAC-SHA-512.
import { createHash, createHmac } from "node:crypto";

export function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(bytes).digest());
}

export function hash256(bytes: Uint8Array): Uint8Array {
  return sha256(sha256(bytes));
}

export function hash160(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("ripemd160").update(sha256(bytes)).digest());
}

/** Used only over public keys and chain codes: no secret enters this package. */
export function hmacSha512(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHmac("sha512", key).update(bytes).digest());
}
