// Key pairs of everybody whose signature or seal counts in a test, and the trust file that lists them.
import { generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import type { Producer, TrustFile } from "@sluice/contracts";

export type TestKey = { readonly producer: Producer; readonly keyId: string; readonly privateKey: KeyObject };

export function createKey(producer: Producer, keyId: string = `${producer}-${randomUUID().slice(0, 8)}`): TestKey {
  return { producer, keyId, privateKey: generateKeyPairSync("ed25519").privateKey };
}

/** The last 32 bytes of PKCS#8 are the seed (RFC 8410). */
export function seedOf({ privateKey }: TestKey): string {
  return privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("base64");
}

export function trustEntry({ producer, keyId, privateKey }: TestKey, revoked = false): TrustFile[number] {
  const { x = "" } = privateKey.export({ format: "jwk" });
  const publicKey = Buffer.from(x, "base64url").toString("base64");
  return { producer, keyId, publicKey, ...(revoked ? { revoked } : {}) };
}
