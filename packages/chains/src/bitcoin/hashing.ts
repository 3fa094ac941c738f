// The hashes that Bitcoin names: SHA-256 once and twice, RIPEMD-160 of SHA-256, HMAC-SHA-512.
import { createHmac, hash } from "node:crypto";

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}

export function hash256(bytes: Uint8Array): Uint8Array {
  return sha256(sha256(bytes));
}

export function hash160(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("ripemd160", sha256(bytes), "buffer"));
}

/** Used only over public keys and chain codes: no secret enters this package. */
export function hmacSha512(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHmac("sha512", key).update(bytes).digest());
}
