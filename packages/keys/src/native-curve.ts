// libsecp256k1 through the package's native addon, and through nothing else.
import { createRequire } from "node:module";

/** The few calls that touch a secret. Each works on the memory that it is given and copies nothing into JavaScript. */
export type NativeCurve = {
  readonly contextRandomize: (seed: Uint8Array) => void;
  readonly privateKeyVerify: (privateKey: Uint8Array) => boolean;
  /** Adds in place. */
  readonly privateKeyTweakAdd: (privateKey: Uint8Array, tweak: Uint8Array) => Uint8Array;
  readonly publicKeyCreate: (privateKey: Uint8Array, compressed: boolean) => Uint8Array;
  /** RFC 6979 nonce, low S, 64 bytes. */
  readonly ecdsaSign: (digest: Uint8Array, privateKey: Uint8Array) => { readonly signature: Uint8Array };
};

/**
 * Loads the addon. The package's own entry point would fall back to a JavaScript library without a word when the addon
 * does not load, and that one leaves copies of the key all over the heap; so a failure here is final.
 */
export function loadNativeCurve(): NativeCurve {
  try {
    return createRequire(import.meta.url)("secp256k1/bindings") as NativeCurve;
  } catch (cause) {
    throw new Error("the native secp256k1 addon does not load, and nothing else may hold the key", { cause });
  }
}
