// Frames come out whole however the bytes were cut, and no bytes at all do more than end the connection.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createZmtpReader, frame, greeting, ready, subscription, ZmtpFault } from "./zmtp.ts";

const anyFrame = fc.record({ flags: fc.constantFrom(0, 1, 4), body: fc.uint8Array({ maxLength: 255 }) });
const long = (body: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head[0] = 2;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
};

function readAll(bytes: Buffer, cuts: readonly number[]) {
  const read = createZmtpReader();
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).flatMap((to, index) => read(bytes.subarray(at[index], to)));
}

describe("a reader of ZMTP", () => {
  it("gives the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, cuts) => {
        const bytes = Buffer.concat([greeting(), ...frames.map(({ flags, body }) => frame(Buffer.from(body), flags))]);
        expect(
          readAll(bytes, cuts).map(({ isCommand, more, body }) => [isCommand, more, body.toString("hex")]),
        ).toEqual(frames.map(({ flags, body }) => [flags === 4, flags === 1, Buffer.from(body).toString("hex")]));
      }),
    );
  });

  it("takes any bytes at all with frames or a fault of its own, and keeps no more than one frame of them", () => {
    let faults = 0;
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((more) => Buffer.concat([greeting(), more])),
    );
    fc.assert(
      fc.property(bytes, (some) => {
        try {
          createZmtpReader()(some);
        } catch (error) {
          expect(error).toBeInstanceOf(ZmtpFault);
          faults += 1;
        }
      }),
      { numRuns: 2_000 },
    );
    process.stdout.write(`zmtp: ${faults} of 2,000 streams of any bytes were refused\n`);
    expect(faults).toBeGreaterThan(100);
  });

  it("reads long frames, and refuses one that is longer than anything it asked for before its bytes are there", () => {
    expect(readAll(Buffer.concat([greeting(), long(Buffer.alloc(300, 7))]), [100])[0]?.body).toHaveLength(300);
    const head = Buffer.concat([greeting(), Buffer.from("020000000000010001", "hex")]);
    expect(() => readAll(head, [])).toThrow(ZmtpFault);
  });

  it.each([
    ["another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n")],
    ["an older version", Buffer.concat([Buffer.from("ff00000000000000017f01", "hex"), Buffer.alloc(53)])],
    ["a mechanism with credentials", Buffer.from(greeting().toString("latin1").replace("NULL", "CURV"), "latin1")],
    ["unknown flags", Buffer.concat([greeting(), Buffer.of(0x80, 0)])],
  ])("refuses %s", (_what, bytes) => {
    expect(() => readAll(bytes, [])).toThrow(ZmtpFault);
  });
});

// The bytes of the specification's own grammar (rfc.zeromq.org/spec/23).
it("says what a subscriber has to say", () => {
  expect(greeting().toString("hex")).toBe(`ff00000000000000007f0300${"4e554c4c".padEnd(40, "0")}${"00".repeat(32)}`);
  expect(ready().toString("hex")).toBe(
    `0419055245414459${"0b"}${Buffer.from("Socket-Type").toString("hex")}00000003${Buffer.from("SUB").toString("hex")}`,
  );
  expect(subscription("hashblock").toString("latin1")).toBe("\0\x0a\x01hashblock");
});
