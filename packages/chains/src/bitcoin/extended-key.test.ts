// Extended public keys on the vectors of BIP32, and public derivation against a second implementation.
import { BIP32Factory } from "bip32";
import fc from "fast-check";
import * as ecc from "tiny-secp256k1";
import { describe, expect, it } from "vitest";
import bip032 from "../../test/vectors/bip032.json" with { type: "json" };
import { decodeBase58Check, encodeBase58Check } from "./base58check.ts";
import { deriveChild, type ExtendedPublicKey, fingerprintOf, HARDENED, parseXpub, writeXpub } from "./extended-key.ts";
import { concatBytes, toHex } from "./wire.ts";

const bip32 = BIP32Factory(ecc);

function read(text: string): ExtendedPublicKey {
  const parsed = parseXpub(text, "mainnet");
  if (!parsed.ok) throw new Error(parsed.refusal.code);
  return parsed.value;
}

describe("BIP32", () => {
  it.each(bip032.children)("child $index of $parent", ({ parent, index, child }) => {
    const from = read(parent);
    const { publicKey, chainCode } = deriveChild(from, index);
    expect(
      writeXpub("mainnet", {
        depth: from.depth + 1,
        parentFingerprint: fingerprintOf(from.publicKey),
        childNumber: index,
        chainCode,
        publicKey,
      }),
    ).toBe(child);
    expect(writeXpub("mainnet", read(child))).toBe(child);
  });

  it("derives what a second implementation derives, and its tweak leads from the private parent to the private child", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 0, max: HARDENED - 1 }),
        (seed, index) => {
          const parent = bip32.fromSeed(seed);
          const expected = parent.derive(index);
          const child = deriveChild({ publicKey: parent.publicKey, chainCode: parent.chainCode }, index);
          expect(toHex(child.publicKey)).toBe(toHex(expected.publicKey));
          expect(toHex(child.chainCode)).toBe(toHex(expected.chainCode));
          const privateKey = parent.privateKey && ecc.privateAdd(parent.privateKey, child.tweak);
          expect(privateKey && toHex(privateKey)).toBe(expected.privateKey && toHex(expected.privateKey));
          expect(fingerprintOf(parent.publicKey)).toBe(toHex(parent.fingerprint));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("has no public hardened child", () => {
    expect(() => deriveChild(read(bip032.children[0]?.parent ?? ""), HARDENED)).toThrow("no public child");
  });
});

describe("what is no extended public key of the network", () => {
  const text = bip032.children[0]?.parent ?? "";
  const decoded = decodeBase58Check(text);
  const bytes = decoded.ok ? decoded.value : new Uint8Array();
  const changed = (at: number, ...values: readonly number[]) =>
    encodeBase58Check(concatBytes(bytes.slice(0, at), Uint8Array.from(values), bytes.slice(at + values.length)));

  it.each([
    ["a changed character", `${text.slice(0, -1)}x`, "XPUB_MALFORMED"],
    ["a private key", changed(0, 0x04, 0x88, 0xad, 0xe4), "XPUB_PRIVATE"],
    ["a testnet private key", changed(0, 0x04, 0x35, 0x83, 0x94), "XPUB_PRIVATE"],
    ["another network", changed(0, 0x04, 0x35, 0x87, 0xcf), "XPUB_WRONG_NETWORK"],
    ["another version", changed(0, 0x02, 0xaa, 0x7e, 0xd3), "XPUB_MALFORMED"],
    ["a master key with a parent", changed(4, 0), "XPUB_MALFORMED"],
    ["a key with a wrong prefix", changed(45, 4), "XPUB_MALFORMED"],
    ["a key off the curve", changed(46, ...new Array<number>(32).fill(0xff)), "XPUB_MALFORMED"],
    ["a byte more", encodeBase58Check(concatBytes(bytes, Uint8Array.of(0))), "XPUB_MALFORMED"],
  ])("%s", (_, changedText, code) => {
    expect(parseXpub(text, "mainnet").ok).toBe(true);
    expect(parseXpub(changedText, "mainnet")).toEqual({ ok: false, refusal: { code } });
  });
});
