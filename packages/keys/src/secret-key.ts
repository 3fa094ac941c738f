// Step 6: the account key, in guarded memory from its first byte to its last. It is never a string, a number or a copy.
import { randomBytes } from "node:crypto";
import { readSync } from "node:fs";
import sodium, { type SecureBuffer } from "sodium-native";
import { guarded } from "./guarded-memory.ts";
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
 * Reads exactly 32 bytes and the end from a descriptor, straight into memory that is locked against swapping, left out
 * of core dumps and, between signatures, closed to this process as well.
 * @throws SecretKeyError
 */
export function readSecretKey(file: number, curve: NativeCurve = loadNativeCurve()): SecretKey {
  const key = guarded(KEY_BYTES);
  try {
    readExactly(file, key);
    return holdSecretKey(key, curve);
  } catch (error) {
    sodium.sodium_memzero(key);
    throw error;
  }
}

/**
 * Takes over 32 bytes that lie in guarded memory: from now on nobody else touches them.
 * @throws SecretKeyError
 */
export function holdSecretKey(key: SecureBuffer, curve: NativeCurve = loadNativeCurve()): SecretKey {
  curve.contextRandomize(randomBytes(32));
  if (!curve.privateKeyVerify(key)) throw new SecretKeyError("KEY_INVALID", "these bytes are no key of the curve");
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

/** One byte more is asked for, because the end has to be seen: a longer input is something else than a key. */
function readExactly(file: number, key: Buffer): void {
  let length = 0;
  while (length < KEY_BYTES) {
    const count = readPatiently(file, key, length, KEY_BYTES - length);
    if (count === 0) throw new SecretKeyError("KEY_TOO_SHORT", `the input ended after ${length} of ${KEY_BYTES} bytes`);
    length += count;
  }
  const beyond = guarded(1);
  const excess = readPatiently(file, beyond, 0, 1);
  sodium.sodium_memzero(beyond);
  if (excess > 0) throw new SecretKeyError("KEY_TOO_LONG", `the input has more than ${KEY_BYTES} bytes`);
}

/** A descriptor that somebody made non-blocking answers EAGAIN until its writer has written: wait and ask again. */
function readPatiently(file: number, into: Buffer, offset: number, length: number): number {
  for (;;) {
    try {
      return readSync(file, into, offset, length, null);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
