// What an operator can get wrong about the keys of a bridge, each named as the operator knows it.
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bridgeIdentity, newBridgeKey } from "./identity.ts";

const own = newBridgeKey(randomBytes);
const peer = newBridgeKey(randomBytes);
const AGREED = { network: "regtest", schema: "test" };
const KEYS = { vault: own.publicKey, zone: peer.publicKey };

function identity(changes: { readonly privateKey?: string; readonly publicKeys?: Readonly<Record<string, string>> }) {
  return bridgeIdentity({
    name: "vault",
    privateKey: own.privateKey,
    publicKeys: KEYS,
    peers: ["zone"],
    ...AGREED,
    ...changes,
  });
}

describe("the keys of a bridge", () => {
  test("that fit give what openBridge needs", () => {
    const made = identity({});
    expect(made.ok && made.identity.towards("zone")).toMatchObject({ linkId: "1", ...AGREED });
    expect(() => made.ok && made.identity.towards("somebody")).toThrow("no key is pinned for somebody");
  });

  const short = Buffer.alloc(31, 1).toString("base64");
  const lowOrder = Buffer.concat([Uint8Array.of(1), new Uint8Array(31)]).toString("base64");
  test.each([
    ["an own key that is none", { privateKey: short }, ["secrets.bridgeKey: is not base64 of 32 bytes"]],
    ["an own key in hex", { privateKey: "00".repeat(32) }, ["secrets.bridgeKey: is not base64 of 32 bytes"]],
    [
      "another private key than the one that was pinned",
      { privateKey: newBridgeKey(randomBytes).privateKey },
      ["SLUICE_BRIDGE_KEYS_FILE vault: is not the public half of this process's key"],
    ],
    [
      "an empty file",
      { publicKeys: {} },
      [
        "SLUICE_BRIDGE_KEYS_FILE vault: is missing or not base64 of 32 bytes",
        "SLUICE_BRIDGE_KEYS_FILE zone: is missing or not base64 of 32 bytes",
      ],
    ],
    [
      "a peer's key cut short",
      { publicKeys: { ...KEYS, zone: short } },
      ["SLUICE_BRIDGE_KEYS_FILE zone: is missing or not base64 of 32 bytes"],
    ],
    [
      "the own key as the peer's",
      { publicKeys: { ...KEYS, zone: own.publicKey } },
      ["SLUICE_BRIDGE_KEYS_FILE zone: is this process's own key"],
    ],
    [
      "a peer's key of low order",
      { publicKeys: { ...KEYS, zone: lowOrder } },
      ["SLUICE_BRIDGE_KEYS_FILE zone: is of low order"],
    ],
  ])("%s is named, and no key is repeated", (_, changes, faults) => {
    const made = identity(changes);
    expect(made.ok ? [] : made.faults.map(({ name, rule }) => `${name}: ${rule}`)).toEqual(faults);
  });
});
