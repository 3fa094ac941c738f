// The service's own seal key, checked against what the others will believe.
import { createPublicKey } from "node:crypto";
import { ed25519PrivateKey, type Producer, type Sealer, type Trust } from "@sluice/contracts";
import { ConfigError } from "@sluice/runtime";
import type { OnlineSecrets } from "./settings.ts";

/** @throws ConfigError when the trust file does not list this key for this service: nobody would take what it seals. */
export function ownSealer(name: Producer, trust: Trust, { sealKeyId: keyId, sealSeed }: OnlineSecrets): Sealer {
  const seed = Buffer.from(sealSeed, "base64");
  const privateKey = ed25519PrivateKey(seed);
  seed.fill(0);
  const trusted = trust.find(name, keyId);
  if (trusted === undefined || trusted.revoked || !trusted.publicKey.equals(createPublicKey(privateKey))) {
    throw new ConfigError([{ name: "secrets.sealKeyId", rule: `is not a key of ${name} in the trust file` }]);
  }
  return { producer: name, keyId, privateKey };
}
