// The keys by which the processes of one stack know each other, made anew for every start.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import {
  BRIDGE_ENDS,
  type BridgeKeysFile,
  ed25519PrivateKey,
  PRODUCERS,
  type Producer,
  type Sealer,
  type TrustFile,
} from "@sluice/contracts";

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
  /** The secrets of an end of a bridge, to go with its others; nothing for processes without a bridge. */
  readonly bridgeSecretsOf: (name: string) => { readonly bridgeKey?: string };
  readonly bridgeKeys: BridgeKeysFile;
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
  const bridgeEnds = new Map<string, { readonly bridgeKey: string; readonly publicKey: string }>(
    BRIDGE_ENDS.map((name) => [name, makeBridgeKey()]),
  );
  return {
    of,
    bridgeSecretsOf: (name) => {
      const end = bridgeEnds.get(name);
      return end === undefined ? {} : { bridgeKey: end.bridgeKey };
    },
    bridgeKeys: Object.fromEntries([...bridgeEnds].map(([name, { publicKey }]) => [name, publicKey])),
    sealer: of,
    trust: [...all.values()].map(({ producer, keyId, privateKey }) => ({
      producer,
      keyId,
      publicKey: rawPublicKey(privateKey),
    })),
  };
}

/** X25519, both halves as base64 of 32 bytes: the last 32 of either DER form (RFC 8410). */
function makeBridgeKey(): { readonly bridgeKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  const spki = publicKey.export({ format: "der", type: "spki" });
  return { bridgeKey: pkcs8.subarray(-32).toString("base64"), publicKey: spki.subarray(-32).toString("base64") };
}

function rawPublicKey(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return der.subarray(-32).toString("base64");
}
