// Who an end of a bridge is and whom it believes: its own static key and the pinned ones of its peers.
import { KEY_BYTES, type KeyPair, keyPairFrom, sharedSecret } from "./noise/x25519.ts";

/** What `openBridge` needs beside names and carrier; made by `bridgeIdentity(…).towards(peer)`. */
export interface BridgeSession {
  readonly linkId: string;
  readonly network: string;
  readonly schema: string;
  readonly key: KeyPair;
  readonly peerPublicKey: Uint8Array;
}

export interface IdentityOptions {
  /** The own name, under which the peers have pinned the own public key. */
  readonly name: string;
  /** Base64 of the 32 bytes of the X25519 private key. */
  readonly privateKey: string;
  /** By name, base64 of the 32 bytes of each end's public key; the own one among them. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly peers: readonly string[];
  readonly network: string;
  readonly schema: string;
}

export interface BridgeIdentity {
  /** `linkId` tells apart several lines to the same peer. */
  readonly towards: (peer: string, linkId?: string) => BridgeSession;
}

/** `name` is the operator's: a field of the secrets, or an end in the file of public keys. */
export type IdentityFault = { readonly name: string; readonly rule: string };

export type IdentityResult =
  | { readonly ok: true; readonly identity: BridgeIdentity }
  | { readonly ok: false; readonly faults: readonly IdentityFault[] };

/** Never repeats a key in a fault. */
export function bridgeIdentity(options: IdentityOptions): IdentityResult {
  const { name, publicKeys, peers, network, schema } = options;
  const raw = bytesOf(options.privateKey);
  if (raw === undefined) return { ok: false, faults: [{ name: OWN_KEY, rule: `is not ${SHAPE}` }] };
  const key = keyPairFrom(raw);
  raw.fill(0);
  const faults: IdentityFault[] = [];
  const own = bytesOf(publicKeys[name]);
  if (own === undefined) faults.push({ name: pinOf(name), rule: `is missing or not ${SHAPE}` });
  else if (!own.equals(key.publicKey))
    faults.push({ name: pinOf(name), rule: "is not the public half of this process's key" });
  const pinned = new Map<string, Uint8Array>();
  for (const peer of peers) {
    const publicKey = bytesOf(publicKeys[peer]);
    if (publicKey === undefined) faults.push({ name: pinOf(peer), rule: `is missing or not ${SHAPE}` });
    else if (publicKey.equals(key.publicKey)) faults.push({ name: pinOf(peer), rule: "is this process's own key" });
    else if (sharedSecret(key, publicKey) === undefined) faults.push({ name: pinOf(peer), rule: "is of low order" });
    else pinned.set(peer, publicKey);
  }
  if (faults.length > 0) return { ok: false, faults };
  const towards: BridgeIdentity["towards"] = (peer, linkId = "1") => {
    const peerPublicKey = pinned.get(peer);
    if (peerPublicKey === undefined) throw new Error(`no key is pinned for ${peer}`);
    return { linkId, network, schema, key, peerPublicKey };
  };
  return { ok: true, identity: { towards } };
}

/** A new key for one end, and what the others pin. */
export function newBridgeKey(randomBytes: (length: number) => Uint8Array): {
  readonly privateKey: string;
  readonly publicKey: string;
} {
  const raw = randomBytes(KEY_BYTES);
  const { publicKey } = keyPairFrom(raw);
  return { privateKey: Buffer.from(raw).toString("base64"), publicKey: Buffer.from(publicKey).toString("base64") };
}

const OWN_KEY = "secrets.bridgeKey";
const pinOf = (end: string): string => `SLUICE_BRIDGE_KEYS_FILE ${end}`;
const SHAPE = `base64 of ${KEY_BYTES} bytes`;

function bytesOf(text: string | undefined): Buffer | undefined {
  const bytes = Buffer.from(text ?? "", "base64");
  return bytes.length === KEY_BYTES && bytes.toString("base64") === text ? bytes : undefined;
}
