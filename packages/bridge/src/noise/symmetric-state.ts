// The SymmetricState of the Noise protocol framework, revision 34, section 5.2, with the CipherState that it holds.
import { createHash, createHmac } from "node:crypto";
import { decrypt, encrypt } from "./chacha-poly.ts";

/** OpenSSL's names. The bridge uses SHA-256; BLAKE2s is here because published vectors for it exist as well. */
export type HashName = "sha256" | "blake2s256";

const HASH_BYTES = 32;
const NOTHING = new Uint8Array(0);

export class SymmetricState {
  readonly #hash: HashName;
  #chainingKey: Buffer;
  #transcript: Buffer;
  #key: Buffer | undefined;
  #nonce = 0;

  constructor(hash: HashName, protocolName: string) {
    this.#hash = hash;
    const name = Buffer.from(protocolName, "ascii");
    this.#transcript = name.length <= HASH_BYTES ? Buffer.concat([name], HASH_BYTES) : digest(hash, name, NOTHING);
    this.#chainingKey = Buffer.from(this.#transcript);
  }

  /** The handshake hash: what both ends have seen so far. */
  get transcript(): Uint8Array {
    return this.#transcript;
  }

  mixHash(data: Uint8Array): void {
    this.#transcript = digest(this.#hash, this.#transcript, data);
  }

  mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = expand(this.#hash, this.#chainingKey, secret);
    this.wipe();
    this.#chainingKey = chainingKey;
    this.#key = key;
    this.#nonce = 0;
  }

  encryptAndHash(plain: Uint8Array): Uint8Array {
    const key = this.#requireKey();
    const sealed = encrypt(key, { high: 0, low: this.#nonce++ }, this.#transcript, plain);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#requireKey();
    const plain = decrypt(key, { high: 0, low: this.#nonce }, this.#transcript, sealed);
    if (plain === undefined) return undefined;
    this.#nonce++;
    this.mixHash(sealed);
    return plain;
  }

  /** The key for what the initiator sends, and the one for what the responder sends. */
  split(): readonly [Uint8Array, Uint8Array] {
    const keys = expand(this.#hash, this.#chainingKey, NOTHING);
    this.wipe();
    return keys;
  }

  /** Overwrites what would give the keys away. */
  wipe(): void {
    this.#chainingKey.fill(0);
    this.#key?.fill(0);
    this.#key = undefined;
  }

  /** In KK every payload comes after a key was mixed in; nothing is ever sent in clear. */
  #requireKey(): Buffer {
    if (this.#key === undefined) throw new Error("a payload came before a key");
    return this.#key;
  }
}

function digest(hash: HashName, first: Uint8Array, second: Uint8Array): Buffer {
  return createHash(hash).update(first).update(second).digest();
}

/** HKDF with two outputs, section 4.3. */
function expand(hash: HashName, chainingKey: Uint8Array, secret: Uint8Array): readonly [Buffer, Buffer] {
  const temporary = createHmac(hash, chainingKey).update(secret).digest();
  const first = createHmac(hash, temporary).update(Uint8Array.of(1)).digest();
  const second = createHmac(hash, temporary).update(first).update(Uint8Array.of(2)).digest();
  temporary.fill(0);
  return [first, second];
}
