// The private half of a process's seal key, as it comes from its secrets.
import { createPrivateKey, type KeyObject } from "node:crypto";

/** An Ed25519 private key from its raw 32-byte seed (RFC 8032), through RFC 8410's fixed DER prefix. */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new TypeError("an Ed25519 seed has 32 bytes");
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  const der = Buffer.concat([prefix, seed]);
  try {
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } finally {
    der.fill(0);
  }
}
