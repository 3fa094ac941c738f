// The enemy's own tools: the published checksums, and batches that are the same after a way through them.

import fc from "fast-check";
import { expect, it } from "vitest";
import { crc32c, readBatches, writeBatch } from "./record-batch.ts";
import { readWire, varint } from "./wire.ts";

it("computes CRC-32C as RFC 3720, appendix B.4, has it", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  const known = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [ascending, 0x46dd794e],
    [ascending.toReversed(), 0x113fdb5c],
  ] as const;
  expect(known.map(([bytes]) => crc32c(bytes))).toEqual(known.map(([, checksum]) => checksum));
});

it("reads what it wrote, whatever stands in it, and leaves out a torn end", () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some)));
  const batch = fc.record({
    baseOffset: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 50n }),
    records: fc.array(fc.record({ key: bytes, value: bytes }), { minLength: 1, maxLength: 20 }),
  });
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 60 }), (some, torn) => {
      const batches = some.map(({ records, ...rest }) => ({
        ...rest,
        lastOffsetDelta: records.length - 1,
        records: records.map((record, offsetDelta) => ({ ...record, offsetDelta })),
      }));
      const written = Buffer.concat(batches.map(writeBatch));
      expect(readBatches(written)).toEqual(batches);
      expect(readBatches(written.subarray(0, -torn))).toEqual(batches.slice(0, -1));
    }),
    { numRuns: 200 },
  );
});

it("writes numbers of any size as Kafka does", () => {
  fc.assert(fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (n) => readWire(varint(n)).varint() === n));
  expect([0n, -1n, 1n, 300n].map((n) => varint(n).toString("hex"))).toEqual(["00", "01", "02", "d804"]);
});
