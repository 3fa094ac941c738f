// The fee that a withdrawal is quoted: one row a case, and what holds for all of them.
import { PRIORITIES, type Priority } from "@sluice/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ESTIMATE_FRESH_MS, type FeeEstimates, feePolicySchema, quoteAll, quoteFee } from "./quote.ts";

const NOW = 1_800_000_000_000;
const policy = feePolicySchema.parse({ payer: "customer", vbytes: 150, floorMinor: "500", ceilingMinor: "40000" });
const told: FeeEstimates = {
  estimates: [
    { targetBlocks: 24, satPerKvbyte: 3_000n },
    { targetBlocks: 2, satPerKvbyte: 20_001n },
    { targetBlocks: 6, satPerKvbyte: 9_000n },
  ],
  minimumSatPerKvbyte: 1_000n,
  estimatedAtMs: NOW - 60_000,
};

describe("a quote", () => {
  it.each<[Priority, FeeEstimates | null, bigint, string]>([
    ["fast", told, 3_001n, "the estimate of its target, rounded up"],
    ["normal", told, 1_350n, "the estimate of its target"],
    ["economy", told, 500n, "the floor"],
    ["fast", { ...told, estimates: [] }, 750n, "the fallback while there is no estimate"],
    ["fast", null, 750n, "the fallback before anything was told"],
    ["fast", { ...told, estimatedAtMs: NOW - ESTIMATE_FRESH_MS - 1 }, 750n, "the fallback when the estimate is old"],
    ["economy", { ...told, minimumSatPerKvbyte: 8_000n }, 1_200n, "what nodes take at least"],
    ["fast", { ...told, estimates: [{ targetBlocks: 2, satPerKvbyte: 900_000n }] }, 40_000n, "the ceiling"],
    ["fast", { ...told, estimates: [{ targetBlocks: 100, satPerKvbyte: 7_000n }] }, 1_050n, "the nearest there is"],
  ])("of a %s withdrawal is %o → %i: %s", (priority, estimates, feeMinor) => {
    expect(quoteFee(policy, priority, estimates, NOW).feeMinor).toBe(feeMinor);
  });

  it("says when its rate was estimated, and nothing when it was not", () => {
    expect(quoteFee(policy, "fast", told, NOW)).toMatchObject({ payer: "customer", estimatedAtMs: NOW - 60_000 });
    expect(quoteFee(policy, "fast", null, NOW).estimatedAtMs).toBeNull();
  });

  it("is within floor and ceiling, never below the nodes' minimum but by the ceiling, whatever was told", () => {
    const estimate = fc.record({
      targetBlocks: fc.integer({ min: 1, max: 200 }),
      satPerKvbyte: fc.bigInt(0n, 10n ** 8n),
    });
    fc.assert(
      fc.property(fc.array(estimate), fc.bigInt(0n, 10n ** 6n), (estimates, minimumSatPerKvbyte) => {
        for (const quote of quoteAll(policy, { estimates, minimumSatPerKvbyte, estimatedAtMs: NOW }, NOW)) {
          expect(quote.feeMinor >= policy.floorMinor && quote.feeMinor <= policy.ceilingMinor).toBe(true);
          expect(quote.satPerKvbyte >= minimumSatPerKvbyte).toBe(true);
        }
      }),
    );
  });

  it("is given for every priority", () => {
    expect(quoteAll(policy, told, NOW).map(({ priority }) => priority)).toEqual(PRIORITIES);
  });

  it("is not made by a policy whose floor is above its ceiling", () => {
    expect(feePolicySchema.safeParse({ floorMinor: "2", ceilingMinor: "1" }).success).toBe(false);
  });
});
