// Ed25519 keys for every producer, made anew for each deployment.
import { createPublicKey, randomBytes } from "node:crypto";
import {
  createTrust,
  ed25519PrivateKey,
  OPTIONAL_READERS,
  PRODUCERS,
  type Producer,
  type Sealer,
  type Trust,
  type TrustFile,
} from "@sluice/contracts";

export type Identities = {
  readonly trust: Trust;
  readonly trustFile: TrustFile;
  readonly sealerOf: (producer: Producer) => Sealer;
  readonly seedOf: (producer: Producer) => Uint8Array;
};

/** Of the readers that not every deployment has only this service is there: nobody waits for the others. */
export function createIdentities(service: Producer): Identities {
  const absent = OPTIONAL_READERS.filter((name) => name !== service);
  const present = PRODUCERS.filter((name) => !absent.some((each) => each === name));
  const seeds = new Map(present.map((producer) => [producer, randomBytes(32)] as const));
  const seedOf = (producer: Producer): Uint8Array => {
    const seed = seeds.get(producer);
    if (seed === undefined) throw new Error(`${producer} has no seed`);
    return seed;
  };
  const sealerOf = (producer: Producer): Sealer => ({
    producer,
    keyId: `${producer}-1`,
    privateKey: ed25519PrivateKey(seedOf(producer)),
  });
  const trustFile = present.map((producer) => {
    const { keyId, privateKey } = sealerOf(producer);
    const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
    return { producer, keyId, publicKey: der.subarray(-32).toString("base64") };
  });
  return { trust: createTrust(trustFile), trustFile, sealerOf, seedOf };
}
