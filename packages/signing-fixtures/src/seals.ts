// A seal key for every producer, made anew for each test file, and the trust file that lists them all.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createTrust, PRODUCERS, type Producer, type Sealer, type Trust, type TrustFile } from "@sluice/contracts";

export type Seals = {
  readonly file: TrustFile;
  readonly trust: Trust;
  readonly sealers: Readonly<Record<Producer, Sealer>>;
  readonly sealer: (producer: Producer) => Sealer;
};

export function makeSeals(): Seals {
  const keys = PRODUCERS.map((producer) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const keyId = `${producer}-1`;
    return { sealer: { producer, keyId, privateKey }, entry: { producer, keyId, publicKey: rawPublicKey(publicKey) } };
  });
  const file: TrustFile = keys.map(({ entry }) => entry);
  const named = keys.map(({ sealer }) => [sealer.producer, sealer] as const);
  const sealers = Object.fromEntries(named) as Record<Producer, Sealer>;
  return { file, trust: createTrust(file), sealers, sealer: (producer) => sealers[producer] };
}

/** The same trust with every key of one producer revoked. */
export function revoking({ file }: Pick<Seals, "file">, producer: Producer): Trust {
  return createTrust(file.map((entry) => (entry.producer === producer ? { ...entry, revoked: true } : entry)));
}

/** The private half as a process finds it among its secrets: base64 of the seed (the end of RFC 8410's DER form). */
export function seedOf({ privateKey }: Sealer): string {
  return privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("base64");
}

function rawPublicKey(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}
