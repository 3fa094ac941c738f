// Consistent Overhead Byte Stuffing: rewrites bytes so that 0x00 never occurs in them and may end a frame.
// Source: Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.

/** Most bytes that `length` bytes can become once stuffed. */
export function stuffedLengthAtMost(length: number): number {
  return length + Math.floor(length / LONGEST_RUN) + 1;
}

/** Writes the stuffed form of `source` to `target` from `offset` on and returns the offset after it. */
export function stuff(source: Uint8Array, target: Uint8Array, offset: number): number {
  let codeAt = offset;
  let write = offset + 1;
  let code = 1;
  for (let read = 0; read < source.length; read++) {
    if (code === FULL_CODE) {
      target[codeAt] = FULL_CODE;
      codeAt = write++;
      code = 1;
    }
    const byte = source[read] as number;
    if (byte === 0) {
      target[codeAt] = code;
      codeAt = write++;
      code = 1;
    } else {
      target[write++] = byte;
      code++;
    }
  }
  target[codeAt] = code;
  return write;
}

/**
 * Writes the plain form of `source` to the start of `target` and returns its length, or `MALFORMED` when a run
 * promises more bytes than there are or `target` is too small. `source` holds no 0x00: the delimiter is already off.
 */
export function unstuff(source: Uint8Array, target: Uint8Array): number {
  let read = 0;
  let write = 0;
  while (read < source.length) {
    const code = source[read++] as number;
    const end = read + code - 1;
    if (code === 0 || end > source.length || write + code - 1 > target.length) return MALFORMED;
    while (read < end) target[write++] = source[read++] as number;
    if (code !== FULL_CODE && read < source.length) {
      if (write === target.length) return MALFORMED;
      target[write++] = 0;
    }
  }
  return write;
}

export const MALFORMED = -1;

const FULL_CODE = 0xff;
const LONGEST_RUN = 254;
