// The Ed25519 keys by which the processes of one stack know each other, made anew for every start.
import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { ed25519PrivateKey, PRODUCERS, type Producer, type Sealer, type TrustFile } from "@sluice/contracts";

export type Identity = {
  readonly producer: Producer;
  readonly keyId: string;
  /** 32 bytes, given to the process over a descriptor and to nobody else. */
  readonly seed: Uint8Array;
  readonly privateKey: KeyObject;
};

export type Identities = {
  readonly of: (producer: Producer) => Identity;
  readonly sealer: (producer: Producer) => Sealer;
  readonly trust: TrustFile;
};

export function makeIdentities(): Identities {
  const all = new Map<Producer, Identity>(
    PRODUCERS.map((producer) => {
      const seed = randomBytes(32);
      return [producer, { producer, keyId: `${producer}-1`, seed, privateKey: ed25519PrivateKey(seed) }];
    }),
  );
  const of = (producer: Producer): Identity => {
    const found = all.get(producer);
    if (found === undefined) throw new Error(`${producer} has no identity`);
    return found;
  };
  return {
    of,
    sealer: of,
    trust: [...all.values()].map(({ producer, keyId, privateKey }) => ({
      producer,
      keyId,
      publicKey: rawPublicKey(privateKey),
    })),
  };
}

function rawPublicKey(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return der.subarray(-32).toString("base64");
}
