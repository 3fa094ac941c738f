// Byte stuffing: the examples of the paper's usual tables, the round trip, and bytes that are no stuffing at all.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MALFORMED, stuff, stuffedLengthAtMost, unstuff } from "./cobs.ts";

const RUN = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

// The table of examples that implementations share (Wikipedia, "Consistent Overhead Byte Stuffing"), delimiter left off.
test.each([
  { plain: [], stuffed: [0x01] },
  { plain: [0x00], stuffed: [0x01, 0x01] },
  { plain: [0x00, 0x00], stuffed: [0x01, 0x01, 0x01] },
  { plain: [0x00, 0x11, 0x00], stuffed: [0x01, 0x02, 0x11, 0x01] },
  { plain: [0x11, 0x22, 0x00, 0x33], stuffed: [0x03, 0x11, 0x22, 0x02, 0x33] },
  { plain: [0x11, 0x22, 0x33, 0x44], stuffed: [0x05, 0x11, 0x22, 0x33, 0x44] },
  { plain: [0x11, 0x00, 0x00, 0x00], stuffed: [0x02, 0x11, 0x01, 0x01, 0x01] },
  { plain: RUN(0x01, 0xfe), stuffed: [0xff, ...RUN(0x01, 0xfe)] },
  { plain: [0x00, ...RUN(0x01, 0xfe)], stuffed: [0x01, 0xff, ...RUN(0x01, 0xfe)] },
  { plain: RUN(0x01, 0xff), stuffed: [0xff, ...RUN(0x01, 0xfe), 0x02, 0xff] },
  { plain: [...RUN(0x02, 0xff), 0x00], stuffed: [0xff, ...RUN(0x02, 0xff), 0x01, 0x01] },
  { plain: [...RUN(0x03, 0xff), 0x00, 0x01], stuffed: [0xfe, ...RUN(0x03, 0xff), 0x02, 0x01] },
])("published example of $plain.length bytes", ({ plain, stuffed }) => {
  expect([...stuffedOf(Uint8Array.from(plain))]).toEqual(stuffed);
  expect([...(plainOf(Uint8Array.from(stuffed)) ?? [])]).toEqual(plain);
});

test("whatever is stuffed holds no zero, stays under the bound and comes back", () => {
  fc.assert(
    fc.property(bytesWithRuns(), (plain) => {
      const stuffed = stuffedOf(plain);
      expect(stuffed.includes(0)).toBe(false);
      expect(stuffed.length).toBeLessThanOrEqual(stuffedLengthAtMost(plain.length));
      expect(Buffer.from(plainOf(stuffed) ?? []).equals(plain)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("bytes that promise more than they hold are malformed, and so is what does not fit", () => {
  expect(plainOf(Uint8Array.of(0x05, 0x01))).toBeUndefined();
  expect(plainOf(Uint8Array.of(0x01, 0x00, 0x01))).toBeUndefined();
  expect(unstuff(Uint8Array.of(0x03, 0x11, 0x22), new Uint8Array(1))).toBe(MALFORMED);
  expect(unstuff(Uint8Array.of(0x01, 0x01), new Uint8Array(0))).toBe(MALFORMED);
});

test("arbitrary bytes never write past the target", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600, size: "max" }), fc.nat(300), (bytes, room) => {
      const length = unstuff(bytes, new Uint8Array(room));
      expect(length).toBeGreaterThanOrEqual(MALFORMED);
      expect(length).toBeLessThanOrEqual(room);
    }),
    { numRuns: 2_000 },
  );
});

/** Runs around 254 bytes without a zero are where stuffing can go wrong; uniform bytes hardly ever have them. */
function bytesWithRuns(): fc.Arbitrary<Uint8Array> {
  const run = fc
    .tuple(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 250, max: 258 }))
    .map(([byte, length]) => new Uint8Array(length).fill(byte));
  const piece = fc.oneof(fc.uint8Array({ maxLength: 300, size: "max" }), run, fc.constant(Uint8Array.of(0)));
  return fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.concat(pieces));
}

function stuffedOf(plain: Uint8Array): Uint8Array {
  const target = new Uint8Array(stuffedLengthAtMost(plain.length));
  return target.subarray(0, stuff(plain, target, 0));
}

function plainOf(stuffed: Uint8Array): Uint8Array | undefined {
  const target = new Uint8Array(stuffed.length + 1);
  const length = unstuff(stuffed, target);
  return length === MALFORMED ? undefined : target.subarray(0, length);
}
