// Frames: what goes in comes out however the stream is cut, and garbage costs only the frames that it touches.
import { crc32c } from "@node-rs/crc32";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameDecoder, MAX_FRAME_BODY_BYTES, MAX_WIRE_BYTES, writeFrame } from "./frame.ts";

test("the checksum is CRC32C with its published check value", () => {
  expect(crc32c("123456789")).toBe(0xe3069283);
});

test("bodies come back whole and in order under arbitrary cutting", () => {
  fc.assert(
    fc.property(
      fc.array(body(), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
      (bodies, cuts) => {
        const decoder = new FrameDecoder();
        const got = decode(decoder, pieces(Buffer.concat(bodies.map(encodeFrame)), cuts));
        expect(got).toEqual(bodies.map(hex));
        expect(decoder.counts()).toEqual({ good: bodies.length, checksumWrong: 0, malformed: 0, oversized: 0 });
      },
    ),
    { numRuns: 500 },
  );
});

test("garbage between frames is dropped and counted, and every frame after a delimiter is found", () => {
  let garbageDropped = 0;
  const gap = fc.oneof(
    fc.constant(new Uint8Array(0)),
    fc.uint8Array({ minLength: 1, maxLength: 400, size: "max" }),
    longNoise(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(gap, body()), { maxLength: 8 }), fc.integer({ min: 1, max: 5_000 }), (parts, cut) => {
      const decoder = new FrameDecoder();
      const stream = parts.flatMap(([noise, frame]) => [noise, Uint8Array.of(0), encodeFrame(frame)]);
      expect(decode(decoder, pieces(Buffer.concat(stream), [cut]))).toEqual(parts.map(([, frame]) => hex(frame)));
      const counts = decoder.counts();
      garbageDropped += counts.checksumWrong + counts.malformed + counts.oversized;
    }),
    { numRuns: 500 },
  );
  expect(garbageDropped).toBeGreaterThan(100);
});

test("one flipped bit loses its own frame or, when it hits a delimiter, that frame and the next, and never changes one", () => {
  let lost = 0;
  fc.assert(
    fc.property(fc.array(body(), { minLength: 1, maxLength: 6 }), fc.nat(), fc.nat(7), (bodies, position, bit) => {
      const stream = Buffer.concat(bodies.map(encodeFrame));
      const at = position % stream.length;
      stream[at] = (stream[at] as number) ^ (1 << bit);
      const got = decode(new FrameDecoder(), [stream, encodeFrame(Uint8Array.of(1))]);
      const sent = [...bodies.map(hex), "01"];
      expect(isSubsequence(got, sent)).toBe(true);
      expect(sent.length - got.length).toBeLessThanOrEqual(2);
      lost += sent.length - got.length;
    }),
    { numRuns: 2_000 },
  );
  expect(lost).toBeGreaterThan(1_000);
});

test("the largest body passes and one byte more is refused at the sender", () => {
  const largest = new Uint8Array(MAX_FRAME_BODY_BYTES).fill(0xab);
  expect(encodeFrame(largest).length).toBeLessThanOrEqual(MAX_WIRE_BYTES);
  expect(decode(new FrameDecoder(), [encodeFrame(largest)])).toEqual([hex(largest)]);
  expect(() => writeFrame(new Uint8Array(MAX_FRAME_BODY_BYTES + 1), new Uint8Array(2 * MAX_WIRE_BYTES), 0)).toThrow(
    RangeError,
  );
});

test("a stream without a delimiter is dropped in bounded memory, and the next frame is found", () => {
  const decoder = new FrameDecoder();
  const noise = new Uint8Array(65_536).fill(0x55);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 1_024; i++) decoder.push(noise, () => expect.fail("noise is no frame"));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_048_576);
  expect(decoder.counts().oversized).toBe(1);
  expect(decode(decoder, [Uint8Array.of(0), encodeFrame(Uint8Array.of(7))])).toEqual(["07"]);
});

test("arbitrary bytes never throw", () => {
  const decoder = new FrameDecoder();
  // Zeros are common here: uniform bytes would reach the decoding of a frame too seldom.
  const byte = fc.oneof({ weight: 9, arbitrary: fc.nat(255) }, { weight: 1, arbitrary: fc.constant(0) });
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 200, size: "max" }), (bytes) => {
      decoder.push(Uint8Array.from(bytes), () => {});
    }),
    { numRuns: 5_000 },
  );
  const counts = decoder.counts();
  expect(counts.malformed).toBeGreaterThan(5_000);
  expect(counts.checksumWrong).toBeGreaterThan(100);
});

function body(): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 40, size: "max" }),
    fc.uint8Array({ maxLength: MAX_FRAME_BODY_BYTES, size: "max" }),
  );
}

function longNoise(): fc.Arbitrary<Uint8Array> {
  return fc
    .integer({ min: MAX_WIRE_BYTES - 2, max: 3 * MAX_WIRE_BYTES })
    .map((length) => new Uint8Array(length).fill(0x99));
}

function pieces(stream: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const result: Uint8Array[] = [];
  for (let from = 0, i = 0; from < stream.length; i++) {
    const length = cuts[i % cuts.length] as number;
    result.push(stream.subarray(from, from + length));
    from += length;
  }
  return result;
}

function decode(decoder: FrameDecoder, chunks: readonly Uint8Array[]): readonly string[] {
  const bodies: string[] = [];
  for (const chunk of chunks) decoder.push(chunk, (one) => bodies.push(hex(one)));
  return bodies;
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const one of whole) if (at < part.length && part[at] === one) at++;
  return at === part.length;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
