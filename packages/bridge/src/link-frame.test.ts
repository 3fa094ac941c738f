// The link's frames: round trip, and nothing but a clear answer for bytes that are none.
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeHeaded, encodeHello, isName, PROTOCOL_VERSION, parseLinkFrame } from "./link-frame.ts";

const count = fc.maxSafeNat();
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const name = fc.stringMatching(/^[a-z0-9-]{1,64}$/);

test("data and acknowledgements come back as they were", () => {
  const header = fc.record({ epoch: u64, sequence: count, acknowledged: count, selective: fc.nat(0xffff_ffff) });
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 100, size: "max" }), (given, bytes) => {
      const data = parseLinkFrame(encodeHeaded("data", given, bytes));
      expect(data).toEqual({ kind: "data", header: given, body: Buffer.from(bytes) });
      expect(parseLinkFrame(encodeHeaded("ack", given, new Uint8Array(0)))).toEqual({ kind: "ack", header: given });
    }),
  );
});

test("a hello comes back as it was", () => {
  const hello = fc.record({
    bootId: u64.filter((id) => id !== 0n),
    challenge: count,
    heardBootId: u64,
    heardChallenge: count,
    wantsAnswer: fc.boolean(),
    localName: name,
    peerName: name,
  });
  fc.assert(
    fc.property(hello, (given) => {
      expect(parseLinkFrame(encodeHello(given))).toEqual({ kind: "hello", hello: given });
    }),
  );
});

test("another version is told from noise by its first two bytes", () => {
  const foreign = encodeHello({
    bootId: 1n,
    challenge: 1,
    heardBootId: 0n,
    heardChallenge: 0,
    wantsAnswer: true,
    localName: "a",
    peerName: "b",
  });
  foreign[0] = PROTOCOL_VERSION + 1;
  expect(parseLinkFrame(foreign.subarray(0, 2))).toEqual({
    kind: "other-version",
    version: PROTOCOL_VERSION + 1,
    isHello: true,
  });
});

test("a frame cut short or lengthened anywhere is malformed", () => {
  const ack = encodeHeaded("ack", { epoch: 5n, sequence: 0, acknowledged: 3, selective: 0 }, new Uint8Array(0));
  const data = encodeHeaded("data", { epoch: 5n, sequence: 0, acknowledged: 3, selective: 0 }, Uint8Array.of(1, 2, 3));
  const hello = encodeHello({
    bootId: 1n,
    challenge: 1,
    heardBootId: 0n,
    heardChallenge: 0,
    wantsAnswer: true,
    localName: "a",
    peerName: "b",
  });
  for (const frame of [ack, data, hello]) {
    for (let length = 0; length < frame.length; length++)
      expect(parseLinkFrame(frame.subarray(0, length)).kind).toBe("malformed");
    expect(parseLinkFrame(Buffer.concat([frame, Uint8Array.of(0)])).kind).toBe("malformed");
  }
});

test("arbitrary and slightly changed bytes never throw", () => {
  const hello = encodeHello({
    bootId: 1n,
    challenge: 1,
    heardBootId: 0n,
    heardChallenge: 0,
    wantsAnswer: true,
    localName: "left",
    peerName: "right",
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (bytes) => void parseLinkFrame(bytes)),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, byte) => {
      const changed = Uint8Array.from(hello);
      changed[at] = byte;
      void parseLinkFrame(changed);
    }),
    { numRuns: 5_000 },
  );
});

test("names are short and plain", () => {
  expect(["vault", "semi-offline-signer-a", "a".repeat(64)].every(isName)).toBe(true);
  expect(["", "Vault", "a b", "a\n", "é", "a".repeat(65)].some(isName)).toBe(false);
});
