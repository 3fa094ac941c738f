// libsecp256k1 through the npm package's native addon, and through nothing else.
import { createRequire } from "node:module";
import type { NativeCurve } from "./native-curve.ts";

/**
 * Loads the addon. The package's own entry point would fall back to a JavaScript library without a word when the addon
 * does not load, and that one leaves copies of the key all over the heap; so a failure here is final.
 */
export function loadAddonCurve(): NativeCurve {
  try {
    return createRequire(import.meta.url)("secp256k1/bindings") as NativeCurve;
  } catch (cause) {
    throw new Error("the native secp256k1 addon does not load, and nothing else may hold the key", { cause });
  }
}
