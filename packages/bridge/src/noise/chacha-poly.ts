// ChaCha20-Poly1305 as Noise uses it (revision 34, 12.3): the nonce is 32 zero bits and a little-endian 64-bit number.
import { createCipheriv, createDecipheriv } from "node:crypto";

export const TAG_BYTES = 16;

/** `high` and `low` are the upper and lower 32 bits of the 64-bit number. Never twice with one key over other bytes. */
export interface Nonce {
  readonly high: number;
  readonly low: number;
}

export function encrypt(key: Uint8Array, nonce: Nonce, associated: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv("chacha20-poly1305", key, bytesOf(nonce), { authTagLength: TAG_BYTES });
  cipher.setAAD(associated, { plaintextLength: plain.length });
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([body, cipher.getAuthTag()], body.length + TAG_BYTES);
}

/** The plain bytes, or undefined when key, nonce, associated data or sealed bytes are not those of the sender. */
export function decrypt(
  key: Uint8Array,
  nonce: Nonce,
  associated: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return undefined;
  const cipher = createDecipheriv("chacha20-poly1305", key, bytesOf(nonce), { authTagLength: TAG_BYTES });
  cipher.setAAD(associated, { plaintextLength: length });
  cipher.setAuthTag(sealed.subarray(length));
  const plain = cipher.update(sealed.subarray(0, length));
  try {
    cipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

function bytesOf({ high, low }: Nonce): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(low, 4);
  bytes.writeUInt32LE(high, 8);
  return bytes;
}
