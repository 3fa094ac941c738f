// Stuck or not, one row a reason; the fee of a replacement; and how often it is said.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  effectiveSatPerKvbyte,
  isStuckNews,
  judgeStuck,
  type MempoolEntry,
  type Pending,
  replacementFeeSat,
  type StuckSaid,
} from "./stuck.ts";

const policy = { afterMs: 60_000, afterBlocks: 2 };
const entry: MempoolEntry = {
  vbytes: 200,
  feeSat: 400n,
  withAncestors: { vbytes: 200, feeSat: 400n },
  withDescendants: { vbytes: 200, feeSat: 400n },
  descendants: 0,
  incrementalSatPerKvbyte: 1_000n,
};
const stuck: Pending = {
  ...{ sinceMs: 0, blocksSince: 2, misses: 0, feeSat: 400n, vbytes: 210, entry, wantedSatPerKvbyte: 5_000n },
};

test.each<[string, Partial<Pending>, number, string | null]>([
  ["a rate below the estimate", {}, 60_000, "FEE_TOO_LOW"],
  ["not long enough", {}, 59_999, null],
  ["not enough blocks", { blocksSince: 1 }, 60_000, null],
  ["nobody knows what a block asks for", { wantedSatPerKvbyte: null }, 60_000, null],
  ["a rate as asked for", { wantedSatPerKvbyte: 2_000n }, 60_000, null],
  [
    "a parent that makes it dearer",
    { wantedSatPerKvbyte: 2_000n, entry: withParent(1_000, 200n) },
    60_000,
    "FEE_TOO_LOW",
  ],
  ["a child that pays for it", { entry: withChild(200, 1_600n) }, 60_000, null],
  ["a child that pays nothing for it", { entry: withChild(200, 10n) }, 60_000, "FEE_TOO_LOW"],
  ["what nodes say they never take, at once", { entry: null, neverCode: "DUST" }, 0, "UNACCEPTABLE"],
  ["what some node has all the same", { neverCode: "DUST" }, 0, null],
  ["what nodes may take one day", { entry: null, neverCode: null }, 0, null],
  ["in no mempool for the first time", { entry: null, misses: 1 }, 60_000, null],
  ["in no mempool again and again", { entry: null, misses: 3 }, 60_000, "NOT_IN_MEMPOOL"],
  [
    "in no mempool, without an estimate",
    { entry: null, misses: 3, wantedSatPerKvbyte: null },
    60_000,
    "NOT_IN_MEMPOOL",
  ],
])("%s", (_, change, nowMs, code) => {
  expect(judgeStuck({ ...stuck, ...change }, policy, nowMs)?.code ?? null).toBe(code);
});

function withParent(vbytes: number, feeSat: bigint): MempoolEntry {
  return { ...entry, withAncestors: { vbytes: 200 + vbytes, feeSat: 400n + feeSat } };
}

function withChild(vbytes: number, feeSat: bigint): MempoolEntry {
  return { ...entry, withDescendants: { vbytes: 200 + vbytes, feeSat: 400n + feeSat }, descendants: 1 };
}

test("the least fee of a replacement covers all that it throws out, and its own relaying (BIP125, rules 3 and 4)", () => {
  expect(replacementFeeSat(entry)).toBe(600n);
  expect(replacementFeeSat(withChild(1_000, 5_000n))).toBe(5_600n);
  expect(replacementFeeSat({ ...entry, vbytes: 201, incrementalSatPerKvbyte: 100n })).toBe(421n);
  const away = judgeStuck({ ...stuck, entry: null, misses: 3 }, policy, 60_000);
  expect(away?.replacementFeeSat).toBe(610n);
});

test("a family's rate is never below that of what it needs, and a child that pays more never lowers it", () => {
  const sat = fc.bigInt(0n, 1_000_000n);
  const size = fc.integer({ min: 60, max: 100_000 });
  fc.assert(
    fc.property(size, sat, size, sat, size, sat, (vbytes, feeSat, parentVbytes, parentSat, childVbytes, childSat) => {
      const withAncestors = { vbytes: vbytes + parentVbytes, feeSat: feeSat + parentSat };
      const lone = { ...entry, vbytes, feeSat, withAncestors, withDescendants: { vbytes, feeSat } };
      const helped = { ...lone, withDescendants: { vbytes: vbytes + childVbytes, feeSat: feeSat + childSat } };
      expect(effectiveSatPerKvbyte(lone)).toBe((withAncestors.feeSat * 1_000n) / BigInt(withAncestors.vbytes));
      expect(effectiveSatPerKvbyte(helped)).toBeGreaterThanOrEqual(effectiveSatPerKvbyte(lone));
    }),
  );
});

describe("it is said", () => {
  const now = { code: "FEE_TOO_LOW", wantedSatPerKvbyte: 5_000n, replacementFeeSat: 600n, descendants: 0 } as const;
  const said: StuckSaid = { ...now, saidAtMs: 0, times: 1 };

  test.each<[string, StuckSaid | null, number, boolean]>([
    ["the first time", null, 0, true],
    ["not again at once", said, 119_999, false],
    ["again after twice the wait", said, 120_000, true],
    ["again after four times the wait", { ...said, times: 2 }, 240_000, true],
    ["not sooner", { ...said, times: 2 }, 239_999, false],
    ["at least four times a day", { ...said, times: 60 }, 6 * 60 * 60 * 1_000, true],
    ["when it is another matter", { ...said, code: "NOT_IN_MEMPOOL" }, 1, true],
    ["when replacing it costs something else", { ...said, replacementFeeSat: 599n }, 1, true],
    ["when somebody spent its output", { ...said, descendants: 1 }, 1, true],
    ["when blocks ask for a tenth more", { ...said, wantedSatPerKvbyte: 4_545n }, 1, true],
    ["not when they ask for a little more", { ...said, wantedSatPerKvbyte: 4_600n }, 1, false],
    ["not when they ask for less", { ...said, wantedSatPerKvbyte: 9_000n }, 1, false],
  ])("%s", (_, before, nowMs, isNews) => {
    expect(isStuckNews(now, before, policy, nowMs)).toBe(isNews);
  });
});
