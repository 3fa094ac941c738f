// The fee rate of each class: given estimates, a history and bounds, then this rate, and these alarms.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FeeEstimate, type FeePolicy, feeRates, median } from "./fee-rates.ts";

const NOW_MS = 1_000_000_000;
const policy: FeePolicy = {
  configuredSatPerKvbyte: 5_000n,
  floorSatPerKvbyte: 1_000n,
  ceilingSatPerKvbyte: 100_000n,
  targetBlocks: { fast: 2, normal: 6, economy: 24 },
  maxAgeMs: 60_000,
  outlierFactor: 4,
};
const estimate = (fast: bigint, changes: Partial<FeeEstimate> = {}): FeeEstimate => ({
  estimatedAtMs: NOW_MS - 1_000,
  minimumSatPerKvbyte: 1_000n,
  estimates: [
    { targetBlocks: 2, satPerKvbyte: fast },
    { targetBlocks: 6, satPerKvbyte: fast / 2n },
    { targetBlocks: 24, satPerKvbyte: fast / 4n },
  ],
  ...changes,
});
const past = (fast: bigint, count: number) =>
  Array.from({ length: count }, (_, at) => estimate(fast, { estimatedAtMs: NOW_MS - 10_000 - at }));

describe("the rate of each class", () => {
  it.each<[string, readonly FeeEstimate[], readonly [bigint, bigint, bigint], string, readonly string[]]>([
    ["nothing is known", [], [5_000n, 5_000n, 5_000n], "configured", []],
    ["nodes estimate", [estimate(20_000n)], [20_000n, 10_000n, 5_000n], "estimate", []],
    ["below the floor", [estimate(800n, { minimumSatPerKvbyte: 0n })], [1_000n, 1_000n, 1_000n], "estimate", []],
    [
      "above the ceiling",
      [estimate(240_000n)],
      [100_000n, 100_000n, 60_000n],
      "estimate",
      ["FEE_ESTIMATE_ABOVE_CEILING"],
    ],
    [
      "nodes take nothing below",
      [estimate(20_000n, { minimumSatPerKvbyte: 8_000n })],
      [20_000n, 10_000n, 8_000n],
      "estimate",
      [],
    ],
    [
      "nodes take nothing below the ceiling",
      [estimate(20_000n, { minimumSatPerKvbyte: 200_000n })],
      [100_000n, 100_000n, 100_000n],
      "estimate",
      ["FEE_MINIMUM_ABOVE_CEILING"],
    ],
    ["a little old", [estimate(20_000n, { estimatedAtMs: NOW_MS - 61_000 })], [20_000n, 10_000n, 5_000n], "last", []],
    [
      "far too old",
      [estimate(20_000n, { estimatedAtMs: NOW_MS - 721_000 })],
      [5_000n, 5_000n, 5_000n],
      "configured",
      [],
    ],
    [
      "from the future, beside a good one",
      [estimate(90_000n, { estimatedAtMs: NOW_MS + 61_000 }), estimate(20_000n)],
      [20_000n, 10_000n, 5_000n],
      "estimate",
      [],
    ],
    ["without an estimate in it", [estimate(1n, { estimates: [] })], [5_000n, 5_000n, 5_000n], "configured", []],
    [
      "more urgent for less",
      [
        estimate(0n, {
          estimates: [
            { targetBlocks: 2, satPerKvbyte: 3_000n },
            { targetBlocks: 24, satPerKvbyte: 7_000n },
          ],
        }),
      ],
      [7_000n, 7_000n, 7_000n],
      "estimate",
      [],
    ],
    [
      "ten times what was usual",
      [estimate(80_000n), ...past(8_000n, 5)],
      [32_000n, 16_000n, 8_000n],
      "estimate",
      ["FEE_ESTIMATE_OUTLIER"],
    ],
    [
      "ten times what was usual, of too little history",
      [estimate(80_000n), ...past(8_000n, 2)],
      [80_000n, 40_000n, 20_000n],
      "estimate",
      [],
    ],
    ["four times what was usual", [estimate(32_000n), ...past(8_000n, 5)], [32_000n, 16_000n, 8_000n], "estimate", []],
  ])("%s", (_, history, [fast, normal, economy], source, alarms) => {
    const rates = feeRates(policy, history, NOW_MS);
    expect(rates.satPerKvbyte).toEqual({ fast, normal, economy });
    expect(rates.source).toBe(source);
    expect(rates.alarms.map(({ code }) => code)).toEqual(alarms);
  });

  it("that is really higher is paid once it is what was usual", () => {
    const history = [
      ...past(80_000n, 6),
      ...past(8_000n, 5).map((one) => ({ ...one, estimatedAtMs: NOW_MS - 50_000 })),
    ];
    expect(feeRates(policy, [estimate(80_000n), ...history], NOW_MS).satPerKvbyte.fast).toBe(80_000n);
  });

  it("is always within the bounds, never below what nodes take unless the ceiling is, and never less for more urgent", () => {
    const rate = fc.bigInt(0n, 2_000_000n);
    const one = fc.record({
      estimatedAtMs: fc.integer({ min: NOW_MS - 2_000_000, max: NOW_MS + 200_000 }),
      minimumSatPerKvbyte: rate,
      estimates: fc.array(fc.record({ targetBlocks: fc.integer({ min: 1, max: 1_008 }), satPerKvbyte: rate }), {
        maxLength: 5,
      }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), (history) => {
        const { satPerKvbyte, source } = feeRates(policy, history, NOW_MS);
        const { fast, normal, economy } = satPerKvbyte;
        expect(fast >= normal && normal >= economy).toBe(true);
        expect(economy >= policy.floorSatPerKvbyte && fast <= policy.ceilingSatPerKvbyte).toBe(true);
        const used = history
          .filter(({ estimatedAtMs, estimates }) => estimatedAtMs <= NOW_MS + 60_000 && estimates.length > 0)
          .toSorted((left, right) => right.estimatedAtMs - left.estimatedAtMs)[0];
        if (source === "configured" || used === undefined) return;
        const least = used.minimumSatPerKvbyte;
        expect(economy >= (least < policy.ceilingSatPerKvbyte ? least : policy.ceilingSatPerKvbyte)).toBe(true);
        const tops = history.flatMap(({ estimates, minimumSatPerKvbyte }) => [
          minimumSatPerKvbyte,
          ...estimates.map(({ satPerKvbyte: each }) => each),
        ]);
        expect(fast <= [policy.floorSatPerKvbyte, ...tops].reduce((a, b) => (a > b ? a : b))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("does not depend on the order in which estimates are remembered", () => {
    const history = [estimate(80_000n), ...past(8_000n, 5)];
    expect(feeRates(policy, history.toReversed(), NOW_MS)).toEqual(feeRates(policy, history, NOW_MS));
  });
});

describe("parts of it", () => {
  it("knows the middle", () => {
    expect(median([])).toBeNull();
    expect(median([3n])).toBe(3n);
    expect(median([9n, 1n, 3n, 2n])).toBe(2n);
  });
});
