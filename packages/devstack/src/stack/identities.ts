// The keys by which the processes of one stack know each other, made anew for every start.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import {
  BRIDGE_ENDS,
  type BridgeKeysFile,
  ed25519PrivateKey,
  OPTIONAL_READERS,
  PRODUCERS,
  type Producer,
  type Sealer,
  type TrustFile,
} from "@sluice/contracts";

/** What okx-facade's own key may ask for: less than the backend's, here and again in the zone's bundle. */
const FACADE_API_KEY = { scopes: ["withdraw", "read"], maxAmountMinor: "10000000", idPrefix: "okx." };
const FACADE_KEY_ID = "okx-facade-1";
export const FACADE_ORIGIN_LIMITS = [
  { keyId: FACADE_KEY_ID, maxPaymentSat: "5000000", windows: [{ windowMs: 86_400_000, maxSat: "50000000" }] },
];

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
  /** Two people of the exchange, each with a key of their own: they approve what is held, and say what has failed. */
  readonly officers: readonly [Identity, Identity];
  /** Of okx-facade, where the stack has it: it signs requests beside the backend. */
  readonly facade: Identity | null;
  readonly trust: TrustFile;
  /** The secrets of an end of a bridge, to go with its others; nothing for processes without a bridge. */
  readonly bridgeSecretsOf: (name: string) => { readonly bridgeKey?: string };
  readonly bridgeKeys: BridgeKeysFile;
};

/**
 * @param optional those of the readers that not every stack has, which this one has
 * @param withFacade whether it has okx-facade
 */
export function makeIdentities(optional: readonly Producer[], withFacade = false): Identities {
  const absent = OPTIONAL_READERS.filter((name) => !optional.includes(name));
  const all = new Map<Producer, Identity>(
    PRODUCERS.filter((name) => !absent.some((each) => each === name)).map((producer) => {
      const seed = randomBytes(32);
      return [producer, { producer, keyId: `${producer}-1`, seed, privateKey: ed25519PrivateKey(seed) }];
    }),
  );
  const officers = [backendKey("officer-1"), backendKey("officer-2")] as const;
  const facade = withFacade ? backendKey(FACADE_KEY_ID) : null;
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
    officers,
    facade,
    trust: [...all.values(), ...officers, ...(facade === null ? [] : [facade])].map(
      ({ producer, keyId, privateKey }) => ({
        producer,
        keyId,
        publicKey: rawPublicKey(privateKey),
      }),
    ),
  };
}

function backendKey(keyId: string): Identity {
  const seed = randomBytes(32);
  return { producer: "exchange-backend", keyId, seed, privateKey: ed25519PrivateKey(seed) };
}

const OFFICER_SCOPES = ["read", "approve", "fail", "suspend", "reopen"];

/** Who may call online-risk's API, and for what. */
export function apiKeysOf({ of, officers, facade }: Identities, ipAllowList: readonly string[]): readonly object[] {
  const { keyId } = of("exchange-backend");
  return [
    { keyId, scopes: ["withdraw", "read", "approve"], ipAllowList },
    ...officers.map((each) => ({
      ...{ keyId: each.keyId, person: each.keyId, scopes: OFFICER_SCOPES, ipAllowList },
    })),
    ...(facade === null ? [] : [{ ...FACADE_API_KEY, keyId: facade.keyId, ipAllowList }]),
  ];
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

/** Null without okx-facade. @param okxSecrets by apiKey */
export function facadeSecretsOf({ facade }: Identities, okxSecrets: Readonly<Record<string, string>>): object | null {
  if (facade === null) return null;
  return { requestKeyId: facade.keyId, requestSeed: Buffer.from(facade.seed).toString("base64"), okxSecrets };
}
