// The wallet's scripts: against a second implementation, and found again by their script alone.
import { networks, payments } from "bitcoinjs-lib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeTestWallet } from "../../test/holders.ts";
import { deriveScript, findScript } from "./wallet.ts";
import { compareBytes, toHex } from "./wire.ts";

const { wallet } = makeTestWallet("wallet");
const branch = fc.constantFrom(0 as const, 1 as const);

describe("a script of the wallet", () => {
  it("is the sorted 2-of-3 P2WSH that a second implementation makes of the same keys", () => {
    fc.assert(
      fc.property(branch, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (on, index) => {
        const script = deriveScript(wallet, on, index);
        const pubkeys = script.derivations.map(({ publicKey }) => publicKey).toSorted(compareBytes);
        const multisig = payments.p2ms({ m: 2, pubkeys, network: networks.regtest });
        const oracle = payments.p2wsh({ redeem: multisig, network: networks.regtest });
        expect(script.address).toBe(oracle.address);
        expect(toHex(script.scriptPubKey)).toBe(toHex(oracle.output ?? new Uint8Array()));
        expect(toHex(script.witnessScript)).toBe(toHex(multisig.output ?? new Uint8Array()));
        expect(script.publicKeys).toEqual(pubkeys);
        expect(script.derivations.map(({ path }) => path.slice(-2))).toEqual([
          [on, index],
          [on, index],
          [on, index],
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it("does not exist at an index that is none", () => {
    for (const index of [-1, 0.5, 2 ** 31, Number.NaN])
      expect(() => deriveScript(wallet, 0, index)).toThrow("no script has index");
  });

  it("cannot be changed for the next caller by changing what was returned", () => {
    const first = deriveScript(wallet, 1, 5);
    const before = toHex(first.scriptPubKey);
    first.scriptPubKey.fill(0);
    for (const publicKey of first.publicKeys) publicKey.fill(0);
    expect(toHex(deriveScript(wallet, 1, 5).scriptPubKey)).toBe(before);
  });

  it("is no other when so many were derived since that it was forgotten, and no byte of it is shared", () => {
    const named = makeTestWallet("forgotten").wallet;
    const first = deriveScript(named, 0, 0);
    for (let index = 1; index <= 520; index += 1) deriveScript(named, 0, index);
    const again = deriveScript(named, 0, 0);
    expect(again).toEqual(first);
    for (const script of [first, again]) {
      script.witnessScript.fill(0);
      for (const { publicKey, path } of script.derivations) {
        publicKey.fill(0);
        (path as number[]).fill(0);
      }
    }
    expect(toHex(deriveScript(named, 0, 0).witnessScript)).not.toMatch(/^0+$/);
    expect(deriveScript(named, 0, 0).derivations.map(({ path }) => path.at(-1))).toEqual([0, 0, 0]);
    expect(deriveScript(named, 0, 0).derivations.every(({ publicKey }) => publicKey[0] !== 0)).toBe(true);
  });
});

describe("finding a script", () => {
  it("gives its branch and index below the gap limit and nothing from there on", () => {
    fc.assert(
      fc.property(branch, fc.nat(24), fc.integer({ min: 1, max: 20 }), (on, index, gapLimit) => {
        const { scriptPubKey } = deriveScript(wallet, on, index);
        expect(findScript(wallet, scriptPubKey, gapLimit)).toEqual(index < gapLimit ? { branch: on, index } : null);
      }),
      { numRuns: 60 },
    );
  });

  it("gives nothing for another wallet's script or another type", () => {
    const stranger = makeTestWallet("another").wallet;
    expect(findScript(wallet, deriveScript(stranger, 0, 0).scriptPubKey, 5)).toBeNull();
    expect(findScript(wallet, Uint8Array.of(0x6a), 5)).toBeNull();
  });
});
