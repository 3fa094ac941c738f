// Keys for tests that open a bridge or start a process with one: each name has its own, the same in every run.
import { type BridgeSession, bridgeIdentity } from "./identity.ts";
import { KEY_BYTES, keyPairFrom } from "./noise/x25519.ts";

/** What such a process has as `bridgeKey` among its secrets. Everybody can work it out: never to be used in earnest. */
export function testBridgeKey(name: string): string {
  return Buffer.alloc(KEY_BYTES, `test ${name}`).toString("base64");
}

/** The content of a file of public keys. */
export function testBridgeKeys(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.map((name) => {
      const { publicKey } = keyPairFrom(Buffer.from(testBridgeKey(name), "base64"));
      return [name, Buffer.from(publicKey).toString("base64")];
    }),
  );
}

export function testBridgeSession(
  localName: string,
  peerName: string,
  { network = "regtest", schema = "sluice.v1" } = {},
): BridgeSession {
  const privateKey = testBridgeKey(localName);
  const publicKeys = testBridgeKeys([localName, peerName]);
  const made = bridgeIdentity({ name: localName, privateKey, publicKeys, peers: [peerName], network, schema });
  if (!made.ok) throw new Error(JSON.stringify(made.faults));
  return made.identity.towards(peerName);
}
