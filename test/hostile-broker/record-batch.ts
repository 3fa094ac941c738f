// Record batches, version 2 (kafka.apache.org/documentation/#recordbatch): taken apart and put together with a good checksum.

import { int8, int16, int32, int64, readWire, varint } from "./wire.ts";

export type KafkaRecord = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Counted from the batch's first. */
  readonly offsetDelta: number;
};

export type RecordBatch = {
  readonly baseOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly timestamp: bigint;
  readonly records: readonly KafkaRecord[];
};

/** The whole batches of a set of records; a torn last one, which a broker may send, is left out. */
export function readBatches(records: Buffer): readonly RecordBatch[] {
  const wire = readWire(records);
  const batches: RecordBatch[] = [];
  while (wire.left() >= 12) {
    const baseOffset = wire.int64();
    const length = wire.int32();
    if (wire.left() < length) break;
    batches.push(readBatch(baseOffset, wire.bytes(length)));
  }
  return batches;
}

function readBatch(baseOffset: bigint, body: Buffer): RecordBatch {
  const wire = readWire(body);
  wire.int32();
  const magic = wire.int8();
  wire.int32();
  const attributes = wire.int16();
  // Ours are never compressed, transactional or control batches.
  if (magic !== 2 || attributes !== 0) throw new RangeError(`a batch of magic ${magic} with attributes ${attributes}`);
  const lastOffsetDelta = wire.int32();
  const timestamp = wire.int64();
  // The newest time, and who produced it under which number: an enemy's copy has neither.
  wire.bytes(8 + 8 + 2 + 4);
  const records = wire.list(() => {
    const record = readWire(wire.bytes(Number(wire.varint())));
    record.int8();
    record.varint();
    const offsetDelta = Number(record.varint());
    return { offsetDelta, key: nullable(record), value: nullable(record) };
  });
  return { baseOffset, lastOffsetDelta, timestamp, records };
}

function nullable(record: ReturnType<typeof readWire>): Buffer | null {
  const length = Number(record.varint());
  return length < 0 ? null : record.bytes(length);
}

/** Belongs to no idempotent producer, so that the broker takes it as often as it comes, in any order. */
export function writeBatch({ baseOffset, lastOffsetDelta, timestamp, records }: RecordBatch): Buffer {
  const checked = Buffer.concat([
    int16(0),
    int32(lastOffsetDelta),
    int64(timestamp),
    int64(timestamp),
    int64(-1n),
    int16(-1),
    int32(-1),
    int32(records.length),
    ...records.map(writeRecord),
  ]);
  const body = Buffer.concat([int32(-1), int8(2), int32(crc32c(checked) | 0), checked]);
  return Buffer.concat([int64(baseOffset), int32(body.length), body]);
}

function writeRecord({ key, value, offsetDelta }: KafkaRecord): Buffer {
  const body = Buffer.concat([
    int8(0),
    varint(0n),
    varint(BigInt(offsetDelta)),
    ...[key, value].flatMap((bytes) => (bytes === null ? [varint(-1n)] : [varint(BigInt(bytes.length)), bytes])),
    varint(0n),
  ]);
  return Buffer.concat([varint(BigInt(body.length)), body]);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli), as in RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
