// What a receiver takes for ours: the specification's own vectors, and everything a hair beside them.
import { createHmac, createPrivateKey, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { verifyWebhook, type WebhookEvent } from "./webhooks.ts";

/**
 * One message under both schemes. The specification prints these two signatures without their keys (spec/standard-webhooks.md,
 * "Webhook headers"); with them, v1 is in the tests of its reference libraries (standard-webhooks/standard-webhooks,
 * libraries/javascript/src/webhook.test.ts, "sign function works") and v1a in those of Svix's server (svix/svix-webhooks,
 * test_asymmetric_key_signing), from which the specification has it.
 */
const VECTOR = {
  ...{ id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", body: Buffer.from('{"test": 2432232314}') },
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  v1: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  // The last 32 of the 64 bytes of the vector's key pair.
  publicKey: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
  v1a: "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
};
const VECTOR_TIME_MS = 1_614_265_330_000;

const headersOf = (signature: string, id = VECTOR.id, timestamp = VECTOR.timestamp) => ({
  ...{ "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature },
});
const codeOf = (result: ReturnType<typeof verifyWebhook>) => (result.ok ? "ok" : result.code);
/** The vectors' body is no event of ours: to be told so means that the signature was right. */
const SIGNED_BY_US = "WEBHOOK_BODY_INVALID";
const check = (signature: string, keys: readonly string[], change: Partial<Parameters<typeof verifyWebhook>[0]> = {}) =>
  codeOf(verifyWebhook({ body: VECTOR.body, headers: headersOf(signature), keys, nowMs: VECTOR_TIME_MS, ...change }));

describe("the specification's vectors", () => {
  it.each([
    ["v1", VECTOR.v1, VECTOR.secret],
    ["v1a", VECTOR.v1a, VECTOR.publicKey],
  ])("%s", (_, signature, key) => {
    expect(check(signature, [key])).toBe(SIGNED_BY_US);
    expect(check(`v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,AAAA ${signature}`, [key])).toBe(SIGNED_BY_US);
    expect(check(signature, [key], { body: Buffer.from('{"test":2432232314}') })).toBe("WEBHOOK_SIGNATURE_WRONG");
    expect(check(signature, [key], { headers: headersOf(signature, `${VECTOR.id}x`) })).toBe("WEBHOOK_SIGNATURE_WRONG");
    expect(check(signature, [key], { headers: headersOf(signature, VECTOR.id, "1614265331") })).toBe(
      "WEBHOOK_SIGNATURE_WRONG",
    );
    for (let at = signature.indexOf(",") + 1; at < signature.length; at += 1) {
      expect(check(signature.slice(0, at), [key])).toBe("WEBHOOK_SIGNATURE_WRONG");
      const other = signature[at] === "A" ? "B" : "A";
      expect(check(signature.slice(0, at) + other + signature.slice(at + 1), [key])).toBe("WEBHOOK_SIGNATURE_WRONG");
    }
  });

  it("counts a signature only for a key of its own scheme", () => {
    expect(check(VECTOR.v1, [VECTOR.publicKey])).toBe("WEBHOOK_SIGNATURE_WRONG");
    expect(check(VECTOR.v1a, [VECTOR.secret])).toBe("WEBHOOK_SIGNATURE_WRONG");
    expect(check(VECTOR.v1a.replace("v1a", "v1"), [VECTOR.secret, VECTOR.publicKey])).toBe("WEBHOOK_SIGNATURE_WRONG");
    expect(check(`${VECTOR.v1a} ${VECTOR.v1}`, [VECTOR.publicKey, VECTOR.secret])).toBe(SIGNED_BY_US);
    expect(check(VECTOR.v1, [])).toBe("WEBHOOK_SIGNATURE_WRONG");
  });
});

test.each([
  [{ "webhook-id": undefined }, "WEBHOOK_HEADER_MISSING"],
  [{ "webhook-id": "" }, "WEBHOOK_HEADER_MISSING"],
  [{ "webhook-id": [VECTOR.id, VECTOR.id] }, "WEBHOOK_HEADER_MISSING"],
  [{ "Webhook-Id": VECTOR.id }, "WEBHOOK_HEADER_MISSING"],
  [{ "webhook-signature": undefined }, "WEBHOOK_HEADER_MISSING"],
  [{ "webhook-timestamp": undefined }, "WEBHOOK_HEADER_MISSING"],
  [{ "webhook-timestamp": "1614265330.0" }, "WEBHOOK_TIMESTAMP_INVALID"],
  [{ "webhook-timestamp": "-1614265330" }, "WEBHOOK_TIMESTAMP_INVALID"],
  [{ "webhook-timestamp": "0x6037C3F2" }, "WEBHOOK_TIMESTAMP_INVALID"],
  [{ "webhook-timestamp": "1614265029" }, "WEBHOOK_TIMESTAMP_OUTSIDE"],
  [{ "webhook-timestamp": "1614265631" }, "WEBHOOK_TIMESTAMP_OUTSIDE"],
  [{ "webhook-signature": "v1," }, "WEBHOOK_SIGNATURE_WRONG"],
])("%j: %s", (change, code) => {
  expect(check(VECTOR.v1, [VECTOR.secret], { headers: { ...headersOf(VECTOR.v1), ...change } })).toBe(code);
});

test.each(["whsec_AAAA", "whsec_", "whpk_AAAA", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret", "whpk_!"])(
  "%s is no key, and that is no refusal of a message",
  (key) => expect(() => check(VECTOR.v1, [key])).toThrow(TypeError),
);

const EVENT: WebhookEvent = {
  ...{ type: "withdrawal.completed", timestamp: "2026-01-31T12:00:00.000Z" },
  ...{ series: "2026-01-01T00:00:00.000Z", sequence: 7 },
  data: {
    ...{ id: "w-1", revision: 3, account: "alice", asset: "BTC", amount: "150000", address: "bcrt1q" },
    ...{ state: "completed", detail: "", txid: null, confirmations: 2 },
  },
};

test("what is signed, whatever it says, comes out as it went in; as Headers too, and with fields that are not known yet", () => {
  const secret = Buffer.alloc(24, 7);
  const seed = Buffer.alloc(32, 9);
  const privateKey = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
    ...{ format: "der", type: "pkcs8" },
  });
  // Of the seed 09…09.
  const publicKey = "whpk_/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=";
  const text = fc.oneof(fc.string(), fc.constantFrom("ü€😀", '"\\', "\u0000\u2028\r\n", "."));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 2 ** 40 }), (detail, sequence) => {
      const event = { ...EVENT, sequence, data: { ...EVENT.data, detail } };
      const body = Buffer.from(JSON.stringify({ ...event, later: { field: 1 } }));
      const signed = Buffer.concat([Buffer.from("id-1.1000."), body]);
      const v1 = `v1,${createHmac("sha256", secret).update(signed).digest("base64")}`;
      const v1a = `v1a,${sign(null, signed, privateKey).toString("base64")}`;
      for (const [signature, key] of [
        [v1, `whsec_${secret.toString("base64")}`],
        [v1a, publicKey],
      ] as const) {
        const headers = new Headers(headersOf(signature, "id-1", "1000"));
        expect(verifyWebhook({ body, headers, keys: [key], nowMs: 1_000_000 })).toEqual({
          ...{ ok: true, id: "id-1", sentAtMs: 1_000_000, event },
        });
      }
    }),
    { numRuns: 50 },
  );
});
