// Scripts on the vectors of BIP67 and BIP383, and the dust bounds that nodes apply.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import bip067 from "../../test/vectors/bip067.json" with { type: "json" };
import descriptors from "../../test/vectors/descriptors.json" with { type: "json" };
import { deriveChild, parseXpub } from "./extended-key.ts";
import { dustSat, readScript, type ScriptType, sortedMultisigScript, standardScript } from "./script.ts";
import { fromHex, toHex } from "./wire.ts";

describe("sorted multisig scripts", () => {
  it.each(bip067.vectors)("BIP67: $address", ({ publicKeys, script }) => {
    expect(toHex(sortedMultisigScript(2, publicKeys.map(fromHex)))).toBe(script);
    expect(toHex(sortedMultisigScript(2, publicKeys.map(fromHex).toReversed()))).toBe(script);
  });

  it.each(descriptors.sortedmulti.scripts.map((script, index) => ({ script, index })))(
    "BIP383: script $index",
    ({ script, index }) => {
      const publicKeys = descriptors.sortedmulti.keys.map((text, at) => {
        const xpub = parseXpub(text, "mainnet");
        if (!xpub.ok) throw new Error(xpub.refusal.code);
        const steps = [...(descriptors.sortedmulti.paths[at] ?? []), index];
        return steps.reduce(
          (key, step) => deriveChild(key, step),
          xpub.value as { publicKey: Uint8Array; chainCode: Uint8Array },
        ).publicKey;
      });
      expect(toHex(sortedMultisigScript(descriptors.sortedmulti.threshold, publicKeys))).toBe(script);
    },
  );

  it("take no uncompressed key and no threshold that cannot be met", () => {
    const key = fromHex(bip067.vectors[0]?.publicKeys[0] ?? "");
    expect(() => sortedMultisigScript(1, [new Uint8Array(65).fill(4)])).toThrow("compressed");
    expect(() => sortedMultisigScript(2, [key])).toThrow("2 of 1");
    expect(() => sortedMultisigScript(0, [key])).toThrow("0 of 1");
  });
});

describe("standard output scripts", () => {
  const lengths: Readonly<Record<ScriptType, number>> = { p2pkh: 20, p2sh: 20, p2wpkh: 20, p2wsh: 32, p2tr: 32 };
  const types = Object.keys(lengths) as readonly ScriptType[];

  it("are recognised, and nothing one bit away from their fixed bytes is", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(),
        (type, bytes, bit) => {
          const payload = bytes.slice(0, lengths[type]);
          const script = standardScript(type, payload);
          expect(readScript(script)).toEqual({ type, payload });
          const fixed = [0, 1, ...(type === "p2pkh" ? [2, 23, 24] : type === "p2sh" ? [22] : [])];
          const at = fixed[bit % fixed.length] ?? 0;
          const changed = Uint8Array.from(script, (byte, position) =>
            position === at ? byte ^ (1 << (bit % 8)) : byte,
          );
          expect(readScript(changed)).toBeNull();
        },
      ),
    );
  });
});

describe("the dust bound", () => {
  // Bitcoin Core, policy.cpp, and the amounts that its functional tests name for the default relay fee rate.
  it.each([
    ["p2pkh", 20, 546n],
    ["p2sh", 20, 540n],
    ["p2wpkh", 20, 294n],
    ["p2wsh", 32, 330n],
    ["p2tr", 32, 330n],
  ] as const)("of %s", (type, length, sat) => {
    expect(dustSat(standardScript(type, new Uint8Array(length)))).toBe(sat);
  });
});
