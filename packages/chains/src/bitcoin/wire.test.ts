// Reading and writing of the wire encoding.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compactSize, compactSizeLength, concatBytes, sized, WireReader } from "./wire.ts";

describe("compact sizes", () => {
  it("come back as they were written, in the announced length", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(300), fc.nat(0x1_0100), fc.integer({ min: 0, max: 0xffff_ffff })), (value) => {
        const bytes = compactSize(value);
        const reader = new WireReader(bytes);
        expect(reader.compactSize()).toBe(value);
        expect([reader.fault, reader.remaining]).toEqual([null, 0]);
        expect(bytes.length).toBe(compactSizeLength(value));
      }),
    );
  });

  it.each([
    [0xfd, 0xfc, 0x00],
    [0xfe, 0xff, 0xff, 0x00, 0x00],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00],
  ])("have one spelling: %i … is refused", (...bytes) => {
    const reader = new WireReader(Uint8Array.from(bytes));
    reader.compactSize();
    expect(reader.fault).toBe("NON_MINIMAL");
  });

  it("announce nothing that is not there", () => {
    const reader = new WireReader(Uint8Array.of(0xff, 0, 0, 0, 0, 1, 0, 0, 0));
    expect(reader.compactSize()).toBe(0);
    expect(reader.fault).toBe("TRUNCATED");
  });
});

describe("a reader", () => {
  it("keeps its first fault and gives nothing afterwards", () => {
    const reader = new WireReader(Uint8Array.of(1, 2, 3));
    expect(reader.u8()).toBe(1);
    expect(reader.u32()).toBe(0);
    expect(reader.fault).toBe("TRUNCATED");
    expect([reader.u8(), reader.u64(), reader.take(1).length, reader.compactSize()]).toEqual([0, 0n, 0, 0]);
    expect(reader.remaining).toBe(2);
  });

  it("reads every prefix of a whole to a fault, and the whole to its end", () => {
    const whole = concatBytes(Uint8Array.of(7), sized(new Uint8Array(300).fill(9)), Uint8Array.of(1, 0, 0, 0));
    for (let length = 0; length <= whole.length; length += 1) {
      const reader = new WireReader(whole.subarray(0, length));
      reader.u8();
      reader.sized();
      reader.u32();
      expect(reader.fault).toBe(length === whole.length ? null : "TRUNCATED");
    }
  });
});
