// Seals: every message comes back as it went, and no single bit of an envelope can change unnoticed.

import { type KeyObject, sign, verify } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EnvelopeSchema, SealedContentSchema } from "../gen/sluice/v1/envelope_pb.js";
import { EXAMPLES, keyring, outgoing } from "./fixtures.ts";
import { PRODUCERS, type Producer } from "./producers.ts";
import { ENVELOPE_MAX_BYTES, ed25519PublicKey, open, seal } from "./seal.ts";
import { MESSAGE_TYPES, MESSAGES, type MessageType, maySeal } from "./table.ts";

const ring = keyring(PRODUCERS);
const producerOf = (type: MessageType): Producer => MESSAGES[type].producers[0];
const sealed = (type: MessageType) => seal(ring.sealer(producerOf(type)), type, outgoing(type));

/** The envelope of a content that `seal` itself would never write. */
function forge(
  by: Producer,
  change: Partial<{ id: string; type: string; producer: string; payload: Uint8Array }>,
): Uint8Array {
  const honest = fromBinary(EnvelopeSchema, sealed("transaction.planned.v1"));
  const content = { ...fromBinary(SealedContentSchema, honest.content), ...change };
  const sealer = ring.sealer(by);
  const bytes = toBinary(SealedContentSchema, create(SealedContentSchema, content));
  return toBinary(EnvelopeSchema, create(EnvelopeSchema, { ...honest, ...signed(sealer, bytes) }));
}

function signed(sealer: ReturnType<typeof ring.sealer>, content: Uint8Array) {
  const message = Buffer.concat([Buffer.from(`sluice/seal/v1\0${sealer.keyId}\0`), content]);
  return { content, keyId: sealer.keyId, signature: signBytes(message, sealer.privateKey) };
}

describe("every message of the table", () => {
  it.each(MESSAGE_TYPES)("%s comes back as it went", (type) => {
    const opened = open(ring.trust, sealed(type), [type]);
    expect(opened.ok).toBe(true);
    if (!opened.ok) return;
    expect(opened.value.message).toEqual(EXAMPLES[type]);
    expect(opened.value.producer).toBe(producerOf(type));
    expect(Buffer.from(opened.value.envelope)).toEqual(Buffer.from(sealed(type)));
  });

  it("is sealed the same way twice, so that the same message made again is the same bytes", () => {
    for (const type of MESSAGE_TYPES) expect(Buffer.from(sealed(type))).toEqual(Buffer.from(sealed(type)));
  });
});

describe("a transaction that pays nobody", () => {
  const PAYS = [
    "transaction.planned.v1",
    "signing.requested.v1",
    "signing.ordered.v1",
    "transaction.signed.v1",
  ] as const;
  /** What cannot be read cannot be sealed either: both go through one shape. */
  const isWellFormed = (type: (typeof PAYS)[number], purpose: string, pays: boolean) => {
    const list = type === "transaction.signed.v1" ? "payouts" : "withdrawals";
    const message = { ...EXAMPLES[type], purpose, ...(pays ? {} : { [list]: [] }) } as never;
    try {
      return open(ring.trust, seal(ring.sealer(producerOf(type)), type, { ...outgoing(type), message }), [type]).ok;
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return false;
    }
  };

  it.each(PAYS)("says so in %s, and one that pays does not", (type) => {
    const paying = ["", "internal", "payout"].map((purpose) => isWellFormed(type, purpose, true));
    const payingNobody = ["", "internal", "payout"].map((purpose) => isWellFormed(type, purpose, false));
    expect([paying, payingNobody]).toEqual([
      [true, false, false],
      [false, true, false],
    ]);
  });
});

describe("refusals, in order of precedence", () => {
  const type = "transaction.planned.v1";
  const code = (bytes: Uint8Array, expected: readonly MessageType[] = [type], trust = ring.trust) => {
    const opened = open(trust, bytes, expected);
    return opened.ok ? "OPENED" : opened.refusal.code;
  };

  it("accepts the untampered control", () => expect(code(sealed(type))).toBe("OPENED"));
  it("too large", () => expect(code(new Uint8Array(ENVELOPE_MAX_BYTES + 1))).toBe("ENVELOPE_TOO_LARGE"));
  it("not an envelope", () => expect(code(Buffer.from("not protobuf"))).toBe("ENVELOPE_MALFORMED"));
  it("an unknown type", () => expect(code(forge("vault", { type: "wallet.drained.v1" }))).toBe("TYPE_UNKNOWN"));
  it("a type like an object's own method", () =>
    expect(code(forge("vault", { type: "toString" }))).toBe("TYPE_UNKNOWN"));
  it("a type that is not read here", () => expect(code(sealed("signing.started.v1"))).toBe("TYPE_UNEXPECTED"));
  it("a key that is not listed", () => {
    const stranger = keyring(PRODUCERS).sealer("vault");
    expect(code(seal({ ...stranger, keyId: "vault-9" }, type, outgoing(type)))).toBe("SEAL_KEY_UNKNOWN");
  });
  it("a listed key under another producer's name", () => {
    expect(code(forge("vault", { producer: "treasury" }))).toBe("SEAL_KEY_UNKNOWN");
  });
  it("a revoked key", () => {
    const withRevoked = keyring(PRODUCERS, ["vault"]);
    const bytes = seal(withRevoked.sealer("vault"), type, outgoing(type));
    expect(code(bytes, [type], withRevoked.trust)).toBe("SEAL_KEY_REVOKED");
  });
  it("a key past its validity", () => {
    const find: typeof ring.trust.find = (producer, keyId) => {
      const key = ring.trust.find(producer, keyId);
      return key === undefined ? undefined : { ...key, expired: true };
    };
    expect(code(sealed(type), [type], { find })).toBe("SEAL_KEY_EXPIRED");
  });
  it("a stranger's key under a listed name", () => {
    expect(code(seal(keyring(PRODUCERS).sealer("vault"), type, outgoing(type)))).toBe("SEAL_INVALID");
  });
  it("a payload that does not decode", () => {
    expect(code(forge("vault", { payload: new Uint8Array([255, 255]) }))).toBe("PAYLOAD_MALFORMED");
  });
  it("a payload without its fields", () => {
    expect(code(forge("vault", { payload: new Uint8Array() }))).toBe("PAYLOAD_MALFORMED");
  });
  it("a message without an id", () => expect(code(forge("vault", { id: "" }))).toBe("PAYLOAD_MALFORMED"));

  it("every producer for every message that it may not seal", () => {
    let refusedCount = 0;
    for (const other of MESSAGE_TYPES) {
      for (const producer of PRODUCERS.filter((name) => !maySeal(name, other))) {
        expect(() => seal(ring.sealer(producer), other, outgoing(other))).toThrow(TypeError);
        expect(code(forge(producer, { type: other, producer }), [other])).toBe("PRODUCER_NOT_PERMITTED");
        refusedCount += 1;
      }
    }
    expect(refusedCount).toBeGreaterThan(100);
  });
});

describe("properties", () => {
  it("any flipped bit is refused", () => {
    let flipped = 0;
    fc.assert(
      fc.property(fc.constantFrom(...MESSAGE_TYPES), fc.nat(), fc.integer({ min: 0, max: 7 }), (type, at, bit) => {
        const bytes = Uint8Array.from(sealed(type));
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        const opened = open(ring.trust, bytes, [type]);
        flipped += 1;
        expect(opened.ok).toBe(false);
      }),
      { numRuns: 3000 },
    );
    expect(flipped).toBe(3000);
  });

  it("no bytes make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(open(ring.trust, bytes, MESSAGE_TYPES).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

it("reads raw keys: RFC 8032 §7.1 test 1", () => {
  const key = ed25519PublicKey(Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex"));
  const signature = Buffer.from(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    "hex",
  );
  expect(verifyBytes(new Uint8Array(), key, signature)).toBe(true);
});

function signBytes(bytes: Uint8Array, key: KeyObject): Uint8Array {
  return sign(null, bytes, key);
}

function verifyBytes(bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  return verify(null, bytes, key, signature);
}
