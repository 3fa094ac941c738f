// When payment is to be expected: what each part adds, what is said as unknown, and that an interval never lies in the past.
import { WITHDRAWAL_STATES } from "@sluice/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blocksMs, expectQuoted, expectUnderway } from "./expected-time.ts";
import { feePolicySchema, type Quote, quoteFee } from "./quote.ts";

const MINUTE = 60_000;
const NOW = 1_800_000_000_000;
const policy = feePolicySchema.parse({ batchWaitMs: { fast: 100, normal: 1_000, economy: 5 * MINUTE } });
const told = {
  estimates: [{ targetBlocks: 2, satPerKvbyte: 2_000n }],
  minimumSatPerKvbyte: 1_000n,
  estimatedAtMs: NOW,
};
const quote = (priority: Quote["priority"]) => quoteFee(policy, priority, told, NOW);
const EMPTY = { oldestAtMs: null };

describe("a quote", () => {
  it.each([
    ["fast", 100 + 10 * MINUTE, 100 + blocksMs(2)],
    ["normal", 1_000 + 30 * MINUTE, 1_000 + blocksMs(6)],
    ["economy", 5 * MINUTE + 120 * MINUTE, 5 * MINUTE + blocksMs(24)],
  ] as const)("of priority %s: its batch's wait and its blocks", (priority, typical, latest) => {
    expect(expectQuoted(policy, quote(priority), EMPTY, NOW)).toEqual({ typical, latest });
  });

  it("is unknown while no node has estimated a rate", () => {
    expect(expectQuoted(policy, quoteFee(policy, "fast", null, NOW), EMPTY, NOW)).toBeNull();
  });

  it("counts those ahead that are late, and then says no latest time", () => {
    const onTime = { oldestAtMs: NOW - 6 * MINUTE };
    expect(expectQuoted(policy, quote("fast"), onTime, NOW)?.latest).not.toBeNull();
    const late = { oldestAtMs: NOW - 36 * MINUTE };
    expect(expectQuoted(policy, quote("fast"), late, NOW)).toEqual({ typical: 100 + 40 * MINUTE, latest: null });
  });

  it("names a latest time by which so many blocks are found at least 19 times of 20", () => {
    for (let blocks = 1; blocks <= 144; blocks += 1) {
      const mean = blocksMs(blocks) / (10 * MINUTE);
      // Fewer than `blocks` in that time, by Poisson.
      let [term, fewer] = [Math.exp(-mean), 0];
      for (let found = 0; found < blocks; found += 1) {
        fewer += term;
        term *= mean / (found + 1);
      }
      expect([blocks, fewer <= 0.05, fewer >= 0.02]).toEqual([blocks, true, true]);
    }
  });
});

describe("a withdrawal", () => {
  const underway = (state: (typeof WITHDRAWAL_STATES)[number], change = {}) =>
    expectUnderway(
      policy,
      { state, priority: "fast", notBeforeMs: null, changedAtMs: NOW, ...change },
      quote("fast"),
      EMPTY,
      NOW,
    );
  const typicalMs = 100 + 10 * MINUTE;

  it("that is delayed is expected from the end of its delay", () => {
    const untilMs = NOW + 90 * MINUTE;
    expect(underway("delayed", { notBeforeMs: untilMs })).toEqual({
      ...{ waitsFor: "delay", typicalAtMs: untilMs + typicalMs, latestAtMs: untilMs + 100 + blocksMs(2) },
    });
  });

  it.each([
    ["held", "people"],
    ["signing_delayed", "zone"],
  ] as const)("that is %s waits for %s, and nobody knows how long", (state, waitsFor) => {
    expect(underway(state)).toEqual({ waitsFor, typicalAtMs: null, latestAtMs: null });
  });

  it("that is later than it should be is unknown, not over", () => {
    const ago = (ms: number) => underway("broadcast", { changedAtMs: NOW - ms });
    expect(ago(0)?.typicalAtMs).toBe(NOW + typicalMs);
    expect(ago(20 * MINUTE)).toMatchObject({ typicalAtMs: NOW, latestAtMs: NOW - 20 * MINUTE + 100 + blocksMs(2) });
    expect(ago(24 * 60 * MINUTE)).toEqual({ waitsFor: "nothing", typicalAtMs: null, latestAtMs: null });
  });

  it("that is in a block, or is never paid, is expected no more", () => {
    for (const state of ["confirming", "completed", "rejected", "refused", "cancelled", "failed"] as const) {
      expect(underway(state)).toBeNull();
    }
  });

  it("in any state is never expected in the past, nor later than at the latest", () => {
    const any = fc.record({
      state: fc.constantFrom(...WITHDRAWAL_STATES),
      notBeforeMs: fc.option(fc.integer({ min: -1e9, max: 1e9 }).map((ms) => NOW + ms)),
      changedAtMs: fc.integer({ min: 0, max: 1e9 }).map((ms) => NOW - ms),
    });
    const queue = fc.record({ oldestAtMs: fc.option(fc.integer({ min: 0, max: 1e8 }).map((ms) => NOW - ms)) });
    const priority = fc.constantFrom("fast", "normal", "economy");
    let intervals = 0;
    fc.assert(
      fc.property(any, queue, priority, (one, ahead, its) => {
        const found = expectUnderway(policy, { ...one, priority: its }, quote(its), ahead, NOW);
        if (found === null || found.typicalAtMs === null) return;
        expect(found.typicalAtMs).toBeGreaterThanOrEqual(NOW);
        if (found.latestAtMs === null) return;
        intervals += 1;
        expect(found.latestAtMs).toBeGreaterThanOrEqual(found.typicalAtMs);
      }),
      { numRuns: 2_000 },
    );
    expect(intervals).toBeGreaterThan(50);
  });
});
