// The native curve that works on a holder's key: one of two libraries of different origin, checked before it is trusted.
import { loadAddonCurve } from "./addon-curve.ts";
import { checkCurve } from "./curve-check.ts";
import { loadLibraryCurve } from "./library-curve.ts";

/** The few calls that touch a secret. Each works on the memory that it is given and copies nothing into JavaScript. */
export type NativeCurve = {
  readonly contextRandomize: (seed: Uint8Array) => void;
  readonly privateKeyVerify: (privateKey: Uint8Array) => boolean;
  /** Adds in place. @throws when the tweak is out of range or the sum is no key */
  readonly privateKeyTweakAdd: (privateKey: Uint8Array, tweak: Uint8Array) => Uint8Array;
  readonly publicKeyCreate: (privateKey: Uint8Array, compressed: boolean) => Uint8Array;
  /** RFC 6979 nonce, low S, 64 bytes. */
  readonly ecdsaSign: (digest: Uint8Array, privateKey: Uint8Array) => { readonly signature: Uint8Array };
};

/**
 * Whose code signs: the npm package's addon, or a shared library of the machine's own distribution. Two holders of a
 * wallet run different ones, so that one poisoned package is one holder.
 */
export type CurveChoice = { readonly kind: "addon" } | { readonly kind: "library"; readonly path: string };

/** "addon" or "library:" and an absolute path; null for anything else. */
export function parseCurveChoice(text: string): CurveChoice | null {
  if (text === "addon") return { kind: "addon" };
  const path = /^library:(\/.+)$/.exec(text)?.[1];
  return path === undefined ? null : { kind: "library", path };
}

/**
 * Loads the curve and has it answer what published vectors say. There is no fallback from one to the other: whoever
 * chose one library does not want the key in the other.
 * @throws Error when it does not load or gives a wrong answer
 */
export function loadNativeCurve(choice: CurveChoice = { kind: "addon" }): NativeCurve {
  const curve = choice.kind === "addon" ? loadAddonCurve() : loadLibraryCurve(choice.path);
  checkCurve(curve);
  return curve;
}
