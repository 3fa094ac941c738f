// Back-off: grows, stays below the longest wait, and never falls to nothing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

test("doubles from the first wait to the longest", () => {
  const waits = [1, 2, 3, 4, 5, 6].map((retry) => backoffMs(retry, { firstMs: 100, longestMs: 1_000 }, 0));
  expect(waits).toEqual([50, 100, 200, 400, 500, 500]);
});

test("stays between half the first wait and the longest, for any number of tries and any chance", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 1_000_000 }), chance, (retry, given) => {
      const waitMs = backoffMs(retry, { firstMs: 50, longestMs: 60_000 }, given);
      expect(waitMs).toBeGreaterThanOrEqual(25);
      expect(waitMs).toBeLessThanOrEqual(60_000);
    }),
  );
});
