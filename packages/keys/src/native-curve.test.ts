// The choice of a curve library is final, and a library that answers anything but what is published gets no key.
import { describe, expect, test } from "vitest";
import { checkCurve } from "./curve-check.ts";
import { loadNativeCurve, type NativeCurve, parseCurveChoice } from "./native-curve.ts";

const addon = loadNativeCurve();

describe("the choice of a curve", () => {
  test.each([
    ["addon", { kind: "addon" }],
    ["library:/usr/lib/libsecp256k1.so.1", { kind: "library", path: "/usr/lib/libsecp256k1.so.1" }],
    ["library:libsecp256k1.so.1", null],
    ["library:", null],
    ["elliptic", null],
  ])("%s", (text, choice) => expect(parseCurveChoice(text)).toEqual(choice));

  test("is final: a library that is not there is not replaced by the addon", () => {
    expect(() => loadNativeCurve({ kind: "library", path: "/nowhere/libsecp256k1.so.1" })).toThrow("ENOENT");
  });
});

describe("the check with published vectors", () => {
  test.each<[string, Partial<NativeCurve>]>([
    ["another digest is signed", { ecdsaSign: (digest, key) => addon.ecdsaSign(flipped(digest), key) }],
    ["another nonce is taken", { ecdsaSign: (digest, key) => highS(addon.ecdsaSign(digest, key).signature) }],
    [
      "a public key is another's",
      { publicKeyCreate: (_key, short) => addon.publicKeyCreate(Buffer.alloc(32, 1), short) },
    ],
    ["a tweak is not added", { privateKeyTweakAdd: (key) => key }],
    ["every number is a key", { privateKeyVerify: () => true }],
    ["no number is a key", { privateKeyVerify: () => false }],
  ])("finds that %s", (_, planted) => {
    expect(() => checkCurve({ ...addon, ...planted })).toThrow("the curve library answers wrongly");
    expect(() => checkCurve({ ...addon })).not.toThrow();
  });
});

function flipped(bytes: Uint8Array): Buffer {
  const other = Buffer.from(bytes);
  other[31] = (other[31] ?? 0) ^ 1;
  return other;
}

/** The other of the two signatures that one nonce gives. */
function highS(signature: Uint8Array): { readonly signature: Uint8Array } {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString("hex")}`);
  const high = Buffer.from((order - s).toString(16).padStart(64, "0"), "hex");
  return { signature: Buffer.concat([signature.subarray(0, 32), high]) };
}
