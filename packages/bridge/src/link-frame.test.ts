// The link's frames: round trip, and nothing but a clear answer for bytes that are none.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeHeader,
  encodeHello,
  type HeadedKind,
  type Header,
  type Hello,
  isName,
  LINK_HEADER_BYTES,
  PROTOCOL_VERSION,
  parseLinkFrame,
} from "./link-frame.ts";
import { HANDSHAKE_BYTES, SESSION_OVERHEAD_BYTES } from "./session.ts";

const count = fc.maxSafeNat();
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const name = fc.stringMatching(/^[a-z0-9-]{1,64}$/);
const kind = fc.constantFrom<HeadedKind>("data", "ack", "confirm");
const message = fc
  .uint8Array({ minLength: HANDSHAKE_BYTES, maxLength: HANDSHAKE_BYTES })
  .map((bytes) => Buffer.from(bytes));

const HELLOS: readonly Hello[] = [
  { step: "invitation", localName: "left", peerName: "right" },
  { step: "question", localName: "left", peerName: "right", message: Buffer.alloc(HANDSHAKE_BYTES, 1) },
  { step: "answer", localName: "left", peerName: "right", about: 7n, message: Buffer.alloc(HANDSHAKE_BYTES, 2) },
];

function headed(of: HeadedKind, header: Header, sealed: Uint8Array): Buffer {
  const frame = Buffer.alloc(LINK_HEADER_BYTES + sealed.length);
  encodeHeader(of, header, sealed.length, frame);
  frame.set(sealed, LINK_HEADER_BYTES);
  return frame;
}

test("sealed frames come back as they were, with their header's bytes", () => {
  const header = fc.record({ session: u64, number: count, acknowledged: count, selective: fc.nat(0xffff_ffff) });
  const sealed = fc.uint8Array({ minLength: SESSION_OVERHEAD_BYTES, maxLength: 100, size: "max" });
  fc.assert(
    fc.property(kind, header, sealed, (of, given, bytes) => {
      const frame = headed(of, given, bytes);
      const headerBytes = frame.subarray(0, LINK_HEADER_BYTES);
      expect(parseLinkFrame(frame)).toEqual({ kind: of, header: given, headerBytes, sealed: Buffer.from(bytes) });
    }),
  );
});

test("a hello comes back as it was", () => {
  const names = { localName: name, peerName: name };
  const hello = fc.oneof(
    fc.record({ ...names, step: fc.constant("invitation" as const) }),
    fc.record({ ...names, step: fc.constant("question" as const), message }),
    fc.record({ ...names, step: fc.constant("answer" as const), about: u64, message }),
  );
  fc.assert(
    fc.property(hello, (given) => {
      expect(parseLinkFrame(encodeHello(given))).toEqual({ kind: "hello", hello: given });
    }),
  );
});

test("another version is told from noise by its first two bytes", () => {
  for (const hello of HELLOS) {
    const foreign = encodeHello(hello);
    foreign[0] = PROTOCOL_VERSION + 1;
    expect(parseLinkFrame(foreign.subarray(0, 2))).toEqual({
      kind: "other-version",
      version: PROTOCOL_VERSION + 1,
      isHello: true,
    });
  }
});

test("a frame cut short or lengthened anywhere is malformed", () => {
  const header = { session: 5n, number: 0, acknowledged: 3, selective: 0 };
  const ack = headed("ack", header, Buffer.alloc(SESSION_OVERHEAD_BYTES));
  const data = headed("data", header, Buffer.alloc(SESSION_OVERHEAD_BYTES + 3));
  for (const frame of [ack, data, ...HELLOS.map(encodeHello)]) {
    for (let length = 0; length < frame.length; length++)
      expect(parseLinkFrame(frame.subarray(0, length)).kind).toBe("malformed");
    expect(parseLinkFrame(Buffer.concat([frame, Uint8Array.of(0)])).kind).toBe("malformed");
  }
});

test("arbitrary and slightly changed bytes never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (bytes) => void parseLinkFrame(bytes)),
    { numRuns: 5_000 },
  );
  const hello = fc.constantFrom(...HELLOS.map(encodeHello));
  fc.assert(
    fc.property(hello, fc.nat(200), fc.nat(255), (bytes, at, byte) => {
      const changed = Uint8Array.from(bytes);
      changed[at % changed.length] = byte;
      void parseLinkFrame(changed);
    }),
    { numRuns: 5_000 },
  );
});

test("names are short and plain", () => {
  expect(["vault", "semi-offline-signer-a", "a".repeat(64)].every(isName)).toBe(true);
  expect(["", "Vault", "a b", "a\n", "é", "a".repeat(65)].some(isName)).toBe(false);
});
