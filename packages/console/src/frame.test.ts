// A console's frames: whole from any pieces, refused at the first byte that is wrong, and never more kept than allowed.
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameReader, isObject, type Taken } from "./frame.ts";

const LIMITS = { headBytes: 256, binaryBytes: 512 };

function readAll(bytes: Uint8Array, cuts: readonly number[], limits = LIMITS): Taken {
  const reader = new FrameReader(limits);
  let at = 0;
  for (const cut of [...cuts.map((each) => each % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    const taken = reader.take(bytes.subarray(at, cut));
    if (taken !== null) return taken;
    at = cut;
  }
  return null;
}

const aHead = fc.dictionary(fc.string({ maxLength: 8 }), fc.oneof(fc.string({ maxLength: 20 }), fc.integer()), {
  maxKeys: 4,
});
const cuts = fc.array(fc.nat(1_000), { maxLength: 6 });

test("what was encoded is read, whatever pieces it comes in", () => {
  fc.assert(
    fc.property(aHead, fc.uint8Array({ maxLength: 512 }), cuts, (head, binary, at) => {
      const frame = encodeFrame(head, binary, LIMITS);
      fc.pre(frame !== null);
      const taken = readAll(frame ?? Buffer.alloc(0), at);
      if (taken === null || "fault" in taken) throw new Error("not read");
      expect(JSON.stringify(taken.frame.head)).toBe(JSON.stringify(head));
      expect(Buffer.from(taken.frame.binary).equals(Buffer.from(binary))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("any bytes at all end in a frame, a refusal or a wait, and never in an exception", () => {
  const seen = { frame: 0, wait: 0, refused: 0 };
  const damaged = fc
    .record({
      head: aHead,
      binary: fc.uint8Array({ maxLength: 64 }),
      flips: fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { maxLength: 3 }),
      more: fc.uint8Array({ maxLength: 3 }),
    })
    .map(({ head, binary, flips, more }) => {
      const frame = Buffer.concat([encodeFrame(head, binary, LIMITS) ?? Buffer.alloc(0), more]);
      for (const { at, to } of flips) if (frame.length > 0) frame[at % frame.length] = to;
      return frame;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 900 }), damaged), cuts, (bytes, at) => {
      const taken = readAll(bytes, at);
      if (taken === null) seen.wait += 1;
      else if ("fault" in taken) seen.refused += 1;
      else {
        seen.frame += 1;
        expect(isObject(taken.frame.head)).toBe(true);
        expect(taken.frame.binary.length).toBeLessThanOrEqual(LIMITS.binaryBytes);
      }
    }),
    { numRuns: 20_000 },
  );
  process.stderr.write(`console frames: ${JSON.stringify(seen)}\n`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});

test.each([
  ["its first byte", Buffer.from("X"), "CONSOLE_FRAME_INVALID"],
  ["a head that is too long", prefix(LIMITS.headBytes + 1, 0), "CONSOLE_FRAME_TOO_LARGE"],
  ["a binary part that is too long", prefix(2, LIMITS.binaryBytes + 1), "CONSOLE_FRAME_TOO_LARGE"],
  ["lengths of four gigabytes", prefix(0xffff_ffff, 0xffff_ffff), "CONSOLE_FRAME_TOO_LARGE"],
  ["a head that is no JSON", Buffer.concat([prefix(2, 0), Buffer.from("{]")]), "CONSOLE_FRAME_INVALID"],
  ["a head that is no UTF-8", Buffer.concat([prefix(1, 0), Buffer.of(0xff)]), "CONSOLE_FRAME_INVALID"],
  ["a head that is a list", Buffer.concat([prefix(2, 0), Buffer.from("[]")]), "CONSOLE_FRAME_INVALID"],
  ["a byte after its end", Buffer.concat([prefix(2, 0), Buffer.from("{}!")]), "CONSOLE_FRAME_INVALID"],
])("a frame is refused for %s", (_, bytes, fault) => {
  expect(readAll(bytes, [])).toEqual({ fault });
});

function prefix(headBytes: number, binaryBytes: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.write("SLC1", "latin1");
  bytes.writeUInt32BE(headBytes, 4);
  bytes.writeUInt32BE(binaryBytes, 8);
  return bytes;
}
