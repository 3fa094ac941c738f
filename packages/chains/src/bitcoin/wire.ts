// Bitcoin's wire encoding: little-endian integers, compact sizes and byte strings, read strictly and written.

export type WireFault = "TRUNCATED" | "NON_MINIMAL";

/**
 * Reads bytes in order and remembers its first fault instead of throwing: after a fault every read gives zero or
 * nothing, so that a parser stays a flat run of reads with one question at its end. Byte strings are views.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;
  #fault: WireFault | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get fault(): WireFault | null {
    return this.#fault;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  peek(): number {
    return this.#bytes[this.#offset] ?? 0;
  }

  u8(): number {
    const at = this.#advance(1);
    return this.#fault === null ? (this.#bytes[at] ?? 0) : 0;
  }

  u32(): number {
    const at = this.#advance(4);
    return this.#fault === null ? this.#view.getUint32(at, true) : 0;
  }

  u64(): bigint {
    const at = this.#advance(8);
    return this.#fault === null ? this.#view.getBigUint64(at, true) : 0n;
  }

  /** A length or a count. Only its shortest spelling is taken: a second spelling would be a second form of one meaning. */
  compactSize(): number {
    const first = this.u8();
    if (first < 0xfd) return first;
    const width = first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
    const at = this.#advance(width);
    if (this.#fault !== null) return 0;
    if (width === 2) return this.#minimal(this.#view.getUint16(at, true), 0xfd);
    if (width === 4) return this.#minimal(this.#view.getUint32(at, true), 0x1_0000);
    const wide = this.#view.getBigUint64(at, true);
    if (wide >= 0x1_0000_0000n) {
      // Nothing that is held in memory here is that long: whatever it announces is missing.
      this.#fault = "TRUNCATED";
      return 0;
    }
    return this.#minimal(Number(wide), 0x1_0000_0000);
  }

  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#fault === null ? this.#bytes.subarray(at, at + length) : new Uint8Array();
  }

  sized(): Uint8Array {
    return this.take(this.compactSize());
  }

  /** What lies between two offsets, read or not. */
  between(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  #minimal(value: number, least: number): number {
    if (value >= least) return value;
    this.#fault = "NON_MINIMAL";
    return 0;
  }

  #advance(length: number): number {
    const at = this.#offset;
    if (this.#fault === null && length > this.remaining) this.#fault = "TRUNCATED";
    if (this.#fault === null) this.#offset += length;
    return at;
  }
}

export function u32le(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function u64le(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

export function compactSize(value: number): Uint8Array {
  if (value < 0xfd) return Uint8Array.of(value);
  if (value < 0x1_0000) return Uint8Array.of(0xfd, value & 0xff, value >>> 8);
  return concatBytes(Uint8Array.of(0xfe), u32le(value));
}

export function compactSizeLength(value: number): number {
  return value < 0xfd ? 1 : value < 0x1_0000 ? 3 : 5;
}

export function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes(compactSize(bytes.length), bytes);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return compareBytes(left, right) === 0;
}

/** Lexicographic order of the bytes, a prefix before what it begins. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of a string that the program itself wrote as hex; anything else is a broken invariant. */
export function fromHex(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) throw new Error("not a string of hexadecimal bytes");
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

/** Transaction ids are shown in the reverse of the order in which they are hashed and sent. */
export function reversedHex(bytes: Uint8Array): string {
  return toHex(bytes.toReversed());
}
