// Packets of the Ethernet carrier: layout, padding, and properties over arbitrary bytes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { BROADCAST, encodePacket, packetBytes, parsePacket, payloadBytes } from "./ethernet-packet.ts";

const SOURCE = "02:00:00:00:00:01";
const DESTINATION = "02:00:00:00:00:02";

test("a packet as it stands on the wire", () => {
  const packet = encodePacket({ source: SOURCE, destination: BROADCAST, payload: Buffer.from("hello") });
  expect(packet.toString("hex")).toBe("ffffffffffff02000000000188b5534c0100000568656c6c6f");
});

test("what an interface carries at most fits exactly", () => {
  const packet = encodePacket({ source: SOURCE, destination: DESTINATION, payload: Buffer.alloc(payloadBytes(1_500)) });
  expect(packet.length).toBe(packetBytes(1_500));
  expect(packetBytes(1_500)).toBe(1_514);
});

test("is read back whole, however the wire pads it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_494 }), fc.nat(46), (payload, padding) => {
      const packet = encodePacket({ source: SOURCE, destination: DESTINATION, payload });
      const read = parsePacket(Buffer.concat([packet, Buffer.alloc(padding)]));
      expect(read).toMatchObject({ source: SOURCE, destination: DESTINATION });
      expect(Buffer.from(read?.payload ?? []).equals(payload)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test("a packet of another type, subtype or version, or one that is cut short, is none", () => {
  const packet = encodePacket({ source: SOURCE, destination: DESTINATION, payload: Buffer.from("hello") });
  const header = { type: 12, subtype: 14, version: 16, reserved: 17 };
  for (const [what, at] of Object.entries(header)) {
    const altered = Buffer.from(packet);
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(parsePacket(altered), what).toBeUndefined();
  }
  for (let length = 0; length < packet.length; length++)
    expect(parsePacket(packet.subarray(0, length)), `${length} bytes`).toBeUndefined();
  expect(parsePacket(packet)).toBeDefined();
});

test("no bytes make the parser throw, and a payload never lies outside the packet", () => {
  // With the upper half of the length, since a length at random is almost never within the packet.
  const head = Buffer.from("020000000002020000000001" + "88b5534c0100" + "00", "hex");
  let taken = 0;
  fc.assert(
    fc.property(fc.boolean(), fc.uint8Array({ maxLength: 80 }), (headed, bytes) => {
      const packet = Buffer.concat([headed ? head : Buffer.alloc(0), bytes]);
      const read = parsePacket(packet);
      if (read === undefined) return;
      taken++;
      expect(read.payload.length).toBeLessThanOrEqual(packet.length - 20);
    }),
    { numRuns: 5_000 },
  );
  expect(taken).toBeGreaterThan(0);
});
