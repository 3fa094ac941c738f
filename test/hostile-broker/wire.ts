// The primitive types of Kafka's protocol (kafka.apache.org/protocol, "Protocol Primitive Types"), as far as an enemy needs them.

export type Wire = ReturnType<typeof readWire>;

/** Reads from a buffer, front to back. Throws RangeError at its end: the caller drops the connection. */
export function readWire(buffer: Buffer) {
  let at = 0;
  const take = <T>(size: number, read: (from: number) => T): T => {
    const value = read(at);
    at += size;
    return value;
  };
  const wire = {
    int8: () => take(1, (from) => buffer.readInt8(from)),
    int16: () => take(2, (from) => buffer.readInt16BE(from)),
    int32: () => take(4, (from) => buffer.readInt32BE(from)),
    int64: () => take(8, (from) => buffer.readBigInt64BE(from)),
    text: (): string => wire.nullableText() ?? "",
    nullableText: (): string | null => {
      const length = wire.int16();
      return length < 0 ? null : wire.bytes(length).toString("utf8");
    },
    bytes: (size: number): Buffer => {
      if (size < 0 || at + size > buffer.length) throw new RangeError(`${size} bytes are not there`);
      return take(size, (from) => buffer.subarray(from, from + size));
    },
    /** RECORDS: 32 bits of length, then bytes; null is no record. */
    records: (): Buffer => {
      const size = wire.int32();
      return size < 0 ? Buffer.alloc(0) : wire.bytes(size);
    },
    list: <T>(item: () => T): T[] => Array.from({ length: Math.max(0, wire.int32()) }, item),
    varint: (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = wire.int8() & 0xff;
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
      }
    },
    rest: (): Buffer => wire.bytes(buffer.length - at),
    left: (): number => buffer.length - at,
  };
  return wire;
}

export const int8 = (value: number): Buffer => Buffer.from([value & 0xff]);

export function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

export function int64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}

export function text(value: string | null): Buffer {
  if (value === null) return int16(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}

/** Zigzag, then seven bits a byte. */
export function varint(value: bigint): Buffer {
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(left)]);
}

export function list<T>(items: readonly T[], write: (item: T) => Buffer): Buffer {
  return Buffer.concat([int32(items.length), ...items.map(write)]);
}

export const sized = (bytes: Buffer): Buffer => Buffer.concat([int32(bytes.length), bytes]);
