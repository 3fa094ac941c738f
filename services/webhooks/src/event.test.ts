// What is told, to whom, under which name and signature; the receiver's own check reads it.
import { verifyWebhook } from "@sluice/client";
import { WITHDRAWAL_STATES } from "@sluice/core";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { bodyOf, type Change, wants, webhookIdOf } from "./event.ts";
import { readSigningKey, signedHeaders } from "./sign.ts";

const CHANGE: Change = {
  ...{ withdrawalId: "w-1", revision: 2, account: "alice", asset: "BTC", amountMinor: "150000", address: "bcrt1q" },
  ...{
    state: "completed",
    detail: "",
    transactionId: "",
    confirmations: 0,
    findings: [],
    changedAtMs: 1_700_000_000_000,
  },
};
// The specification's keys; see the vectors in packages/client/src/webhooks.test.ts.
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PAIR = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const SEED = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
const PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const keysOf = (...texts: readonly string[]) => texts.map((text) => readSigningKey(text) ?? (() => "no key"));

describe("the specification's vectors", () => {
  const signed = (key: string) =>
    signedHeaders(keysOf(key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999, Buffer.from('{"test": 2432232314}'));
  it.each([
    [SECRET, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
    [`whsk_${PAIR}`, "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="],
    [`whsk_${SEED}`, "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="],
  ])("%s", (key, signature) => {
    expect(signed(key)).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": signature,
    });
  });
});

test.each(["", "whsec_", "whsec_AAAA", "whsk_AAAA", PUBLIC, SEED, `whsk_${SEED}=`, "whsec_!!!!", `${SECRET}\n`])(
  "%j is no key",
  (text) => expect(readSigningKey(text)).toBeNull(),
);

test("whatever a withdrawal says, the receiver takes it with either key while both sign, and reads the same", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("ü€😀", '"\\', "\u0000\u2028\r\n", "."));
  const change = fc
    .record({ withdrawalId: text, account: text, detail: text, state: fc.constantFrom(...WITHDRAWAL_STATES) })
    .map((some) => ({ ...CHANGE, ...some }));
  fc.assert(
    fc.property(change, fc.bigInt({ min: 1n, max: 2n ** 50n }), (some, sequence) => {
      const body = bodyOf(some, { series: new Date(5), sequence });
      const id = webhookIdOf("backend", some);
      expect(id).toMatch(/^evt_[A-Za-z0-9_-]{32}$/);
      const headers = signedHeaders(keysOf(SECRET, `whsk_${SEED}`), id, 1_000_000, body);
      for (const key of [SECRET, PUBLIC]) {
        const verified = verifyWebhook({ body, headers, keys: [key], nowMs: 1_000_000 });
        const { withdrawalId, account, detail, state } = some;
        expect(verified).toMatchObject({
          ...{ ok: true, id },
          event: {
            type: `withdrawal.${state}`,
            sequence: Number(sequence),
            data: { id: withdrawalId, account, detail, state },
          },
        });
      }
    }),
    { numRuns: 100 },
  );
});

test("each endpoint and change has an id of its own, the same every time", () => {
  const ids = ["a", "b", 'a","w'].flatMap((endpoint) =>
    ["w-1", "w-1/2", "w"].flatMap((withdrawalId) =>
      [1, 2].map((revision) => webhookIdOf(endpoint, { ...CHANGE, withdrawalId, revision })),
    ),
  );
  expect(new Set(ids).size).toBe(18);
  expect(webhookIdOf("a", { ...CHANGE, detail: "other" })).toBe(webhookIdOf("a", CHANGE));
});

test.each([
  [{}, true],
  [{ events: ["completed"] }, true],
  [{ events: ["received", "failed"] }, false],
  [{ accounts: ["alice"] }, true],
  [{ accounts: ["bob"], events: ["completed"] }, false],
] as const)("an endpoint with %j wants it: %s", (endpoint, wanted) => {
  expect(wants({ events: undefined, accounts: undefined, ...endpoint } as Parameters<typeof wants>[0], CHANGE)).toBe(
    wanted,
  );
});
