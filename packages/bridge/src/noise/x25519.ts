// X25519 (RFC 7748) on raw keys of 32 bytes, over node:crypto.
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";

export const KEY_BYTES = 32;

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

/** `privateKey` is 32 random bytes; what is to be cleared of them is the scalar's own business (RFC 7748, 5). */
export function keyPairFrom(privateKey: Uint8Array): KeyPair {
  if (privateKey.length !== KEY_BYTES) throw new RangeError("an X25519 key has 32 bytes");
  const der = Buffer.concat([PKCS8_PREFIX, privateKey]);
  try {
    const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const spki = createPublicKey(key).export({ format: "der", type: "spki" });
    return { privateKey: key, publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)) };
  } finally {
    der.fill(0);
  }
}

/**
 * The shared secret, or undefined when it would be all zero: the public key is of low order, and whoever chose it
 * knows the result without knowing any secret (RFC 7748, 6.1).
 */
export function sharedSecret(own: KeyPair, peerPublicKey: Uint8Array): Uint8Array | undefined {
  if (peerPublicKey.length !== KEY_BYTES) throw new RangeError("an X25519 key has 32 bytes");
  const key = Buffer.concat([SPKI_PREFIX, peerPublicKey]);
  try {
    const secret = diffieHellman({
      privateKey: own.privateKey,
      publicKey: createPublicKey({ key, format: "der", type: "spki" }),
    });
    return secret.every((byte) => byte === 0) ? undefined : secret;
  } catch {
    // OpenSSL refuses to derive an all-zero secret by itself.
    return undefined;
  }
}

/** The fixed beginnings of a raw key's DER forms (RFC 8410). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");
