// Entropy to words to seed to keys, on the vectors that the BIPs and their authors publish, in guarded memory.
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { fingerprintOf, xpubFromPublicKey } from "@sluice/chains";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  deriveAccount,
  deriveAccounts,
  guarded,
  guardedRandom,
  hardenedChild,
  masterNode,
  type PrivateNode,
  seedOf,
  wordsOf,
} from "../src/custody.ts";
import { hmacSha512, pbkdf2Sha512 } from "../src/hmac-sha512.ts";
import { loadNativeCurve } from "../src/native-curve.ts";
import bip32 from "./vectors/bip32-hardened.json" with { type: "json" };
import bip39 from "./vectors/bip39.json" with { type: "json" };

const curve = loadNativeCurve();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test.each(bip39.vectors)("BIP39: $words", ({ entropy, words, seed }) => {
  expect(wordsOf(Buffer.from(entropy, "hex")).toString("latin1")).toBe(words);
  expect(hex(seedOf(Buffer.from(entropy, "hex"), "TREZOR"))).toBe(seed);
});

test.each(bip32.chains)("BIP32: $seed", ({ seed, path, xpubs }) => {
  let node: PrivateNode = masterNode(Buffer.from(seed, "hex"), curve);
  const found = [xpub(node, 0, "00000000", 0)];
  for (const [at, step] of path.entries()) {
    const parent = fingerprintOf(node.publicKey);
    node = hardenedChild(node, step, curve);
    found.push(xpub(node, at + 1, parent, 0x8000_0000 + step));
  }
  expect(found).toEqual(xpubs);
});

function xpub(node: PrivateNode, depth: number, parentFingerprint: string, childNumber: number): string {
  const { chainCode, publicKey } = node;
  return xpubFromPublicKey({ network: "mainnet", depth, parentFingerprint, childNumber, chainCode, publicKey });
}

test("an account is what four hardened steps from its words' seed give, and its entropy stays as it was", () => {
  const entropy = Buffer.from(bip39.vectors.at(-1)?.entropy ?? "", "hex");
  const before = hex(entropy);
  for (const coin of [0, 1] as const) {
    let node = masterNode(seedOf(entropy), curve);
    const master = hex(node.publicKey);
    let parent = "";
    for (const step of [48, coin, 0, 2]) {
      parent = hex(node.publicKey);
      node = hardenedChild(node, step, curve);
    }
    const account = deriveAccount(entropy, coin, curve);
    expect(hex(account.key)).toBe(hex(node.key));
    expect([hex(account.masterPublicKey), hex(account.parentPublicKey)]).toEqual([master, parent]);
    expect([account.path, account.depth]).toEqual([`48h/${coin}h/0h/2h`, 4]);
  }
  expect(hex(entropy)).toBe(before);
});

test("several accounts at once are each what it is alone, of one master key, and no two are the same", () => {
  const entropy = Buffer.from(bip39.vectors.at(-1)?.entropy ?? "", "hex");
  const numbers = [0, 1, 7, 0x7fff_ffff];
  const together = deriveAccounts(entropy, 0, numbers, curve);
  for (const [at, number] of numbers.entries()) {
    const alone = deriveAccount(entropy, 0, curve, number);
    expect({ ...together[at] }).toEqual({ ...alone });
    expect([alone.path, alone.account]).toEqual([`48h/0h/${number}h/2h`, number]);
    let node = masterNode(seedOf(entropy), curve);
    for (const step of [48, 0, number, 2]) node = hardenedChild(node, step, curve);
    expect(hex(alone.key)).toBe(hex(node.key));
  }
  expect(new Set(together.map(({ key }) => hex(key))).size).toBe(numbers.length);
  expect(new Set(together.map(({ masterPublicKey }) => hex(masterPublicKey))).size).toBe(1);
});

test("HMAC-SHA-512 and PBKDF2 are what Node's own are", () => {
  const bytes = (max: number) => fc.uint8Array({ maxLength: max });
  fc.assert(
    fc.property(bytes(128), bytes(300), bytes(40), (key, one, two) => {
      const expected = createHmac("sha512", key).update(one).update(two).digest("hex");
      expect(hex(hmacSha512(key, one, two))).toBe(expected);
    }),
    { numRuns: 100 },
  );
  expect(() => hmacSha512(new Uint8Array(129))).toThrow("one block");
  // RFC 6070's first case, with SHA-512.
  expect(hex(pbkdf2Sha512(Buffer.from("password"), Buffer.from("salt"), 1)).slice(0, 32)).toBe(
    "867f70cf1ade02cff3752599a3a53dc4",
  );
});

test("guarded memory is zero at first, random when asked, and really locked", () => {
  const locked = () => Number(/VmLck:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  const before = locked();
  expect(hex(guarded(32))).toBe("00".repeat(32));
  expect(locked()).toBeGreaterThan(before);
  expect(hex(guardedRandom(32))).not.toBe(hex(guardedRandom(32)));
});

test("words of other lengths are none", () => {
  for (const length of [0, 15, 17, 31, 33, 64]) expect(() => wordsOf(new Uint8Array(length))).toThrow("BIP39");
  expect(() => deriveAccount(new Uint8Array(16), 0, curve)).toThrow("32 bytes");
  expect(
    createHash("sha256")
      .update(wordsOf(Buffer.alloc(32, 0xff)))
      .digest("hex"),
  ).toMatch(/^[0-9a-f]{64}$/);
});
