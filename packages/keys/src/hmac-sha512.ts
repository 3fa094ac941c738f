// HMAC-SHA-512 and PBKDF2 over libsodium, with every state and every result in guarded memory (RFC 2104, RFC 8018).
import sodium, { type SecureBuffer } from "sodium-native";
import { guarded, wipe } from "./guarded-memory.ts";

const BLOCK_BYTES = 128;
const HASH_BYTES = 64;

/** What the typings of sodium-native leave out. */
type MoreOfSodium = {
  readonly crypto_hash_sha512_STATEBYTES: number;
  readonly crypto_hash_sha512_init: (state: Uint8Array) => void;
  readonly crypto_hash_sha512_update: (state: Uint8Array, input: Uint8Array) => void;
  readonly crypto_hash_sha512_final: (state: Uint8Array, output: Uint8Array) => void;
  readonly extension_pbkdf2_sha512: (
    output: Uint8Array,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    outputBytes: number,
  ) => void;
};

const native = sodium as unknown as MoreOfSodium;

/** Node's own would leave the hash of a secret on its heap. The key has at most one block, as every key of BIP32 has. */
export function hmacSha512(key: Uint8Array, ...parts: readonly Uint8Array[]): SecureBuffer {
  if (key.length > BLOCK_BYTES) throw new Error("a key of more than one block is none of BIP32's");
  const pad = guarded(BLOCK_BYTES);
  const inner = guarded(HASH_BYTES);
  const outer = guarded(HASH_BYTES);
  const state = guarded(native.crypto_hash_sha512_STATEBYTES);
  const hash = (mask: number, inputs: readonly Uint8Array[], output: Uint8Array): void => {
    for (let at = 0; at < BLOCK_BYTES; at += 1) pad[at] = (key[at] ?? 0) ^ mask;
    native.crypto_hash_sha512_init(state);
    native.crypto_hash_sha512_update(state, pad);
    for (const input of inputs) native.crypto_hash_sha512_update(state, input);
    native.crypto_hash_sha512_final(state, output);
  };
  hash(0x36, parts, inner);
  hash(0x5c, [inner], outer);
  wipe(pad, inner, state);
  return outer;
}

export function pbkdf2Sha512(password: Uint8Array, salt: Uint8Array, iterations: number): SecureBuffer {
  const output = guarded(HASH_BYTES);
  native.extension_pbkdf2_sha512(output, password, salt, iterations, HASH_BYTES);
  return output;
}
