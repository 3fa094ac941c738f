// Step 6: the account key, in guarded memory from its first byte to its last. It is never a string, a number or a copy.
import { randomBytes } from "node:crypto";
import sodium, { type SecureBuffer } from "sodium-native";
import { guarded, wipe } from "./guarded-memory.ts";
import { loadNativeCurve, type NativeCurve } from "./native-curve.ts";
import { SecretKeyError } from "./secret-key-error.ts";

export { SecretKeyError };

export type SecretKey = {
  /** Compressed, 33 bytes. */
  readonly publicKey: Uint8Array;
  /** Signs 32 bytes with the key plus a public tweak (mod n): 64 bytes, r and s, with low S. */
  sign(tweak: Uint8Array, digest: Uint8Array): Uint8Array;
  /** Overwrites the key. Nothing can be signed afterwards. */
  wipe(): void;
};

const KEY_BYTES = 32;

/**
 * Takes over 32 bytes of guarded memory: from now on nobody else touches them. Between signatures they are closed to
 * this process as well; when they are refused they are overwritten.
 * @throws SecretKeyError
 */
export function holdSecretKey(key: SecureBuffer, curve: NativeCurve = loadNativeCurve()): SecretKey {
  curve.contextRandomize(randomBytes(32));
  if (key.length !== KEY_BYTES || !curve.privateKeyVerify(key)) {
    wipe(key);
    throw new SecretKeyError("KEY_INVALID", "these bytes are no key of the curve");
  }
  return new GuardedKey(key, curve);
}

class GuardedKey implements SecretKey {
  readonly publicKey: Uint8Array;
  readonly #key: SecureBuffer;
  /** Takes the sum of key and tweak for the moment of a signature. */
  readonly #child: SecureBuffer;
  readonly #curve: NativeCurve;
  #wiped = false;

  constructor(key: SecureBuffer, curve: NativeCurve) {
    this.#key = key;
    this.#child = guarded(KEY_BYTES);
    this.#curve = curve;
    this.publicKey = curve.publicKeyCreate(key, true);
    sodium.sodium_mprotect_noaccess(this.#key);
    sodium.sodium_mprotect_noaccess(this.#child);
  }

  sign(tweak: Uint8Array, digest: Uint8Array): Uint8Array {
    if (this.#wiped) throw new SecretKeyError("KEY_WIPED", "the key was overwritten");
    sodium.sodium_mprotect_readwrite(this.#child);
    try {
      sodium.sodium_mprotect_readonly(this.#key);
      this.#child.set(this.#key);
      sodium.sodium_mprotect_noaccess(this.#key);
      this.#curve.privateKeyTweakAdd(this.#child, tweak);
      return this.#curve.ecdsaSign(digest, this.#child).signature;
    } finally {
      sodium.sodium_memzero(this.#child);
      sodium.sodium_mprotect_noaccess(this.#child);
      sodium.sodium_mprotect_noaccess(this.#key);
    }
  }

  wipe(): void {
    this.#wiped = true;
    sodium.sodium_mprotect_readwrite(this.#key);
    sodium.sodium_memzero(this.#key);
    sodium.sodium_mprotect_noaccess(this.#key);
  }
}
