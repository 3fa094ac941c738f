// The search for an exact match, held against trying all sets.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ExactMatchRequest, findExactMatch } from "./branch-and-bound.ts";

const search = (values: readonly number[], least: number, most: number, more: Partial<ExactMatchRequest> = {}) =>
  findExactMatch({
    values: values.map(BigInt),
    least: BigInt(least),
    most: BigInt(most),
    wasteOfCoin: 1n,
    coinsAtMost: 100,
    triesAtMost: 100_000,
    ...more,
  });

/** The least waste of all sets that match and need their smallest coin; null when there is none. */
function leastWasteOfAll({ values, least, most, wasteOfCoin, coinsAtMost }: ExactMatchRequest): bigint | null {
  let best: bigint | null = null;
  for (let set = 1; set < 2 ** values.length; set += 1) {
    const chosen = values.filter((_, place) => (set >> place) % 2 === 1);
    const worth = chosen.reduce((sum, value) => sum + value, 0n);
    const superfluous = worth - (chosen.at(-1) ?? 0n) >= least;
    if (worth < least || worth > most || superfluous || chosen.length > coinsAtMost) continue;
    const waste = wasteOf(chosen, least, wasteOfCoin);
    if (best === null || waste < best) best = waste;
  }
  return best;
}

function wasteOf(chosen: readonly bigint[], least: bigint, wasteOfCoin: bigint): bigint {
  return chosen.reduce((sum, value) => sum + value + wasteOfCoin, -least);
}

describe("branch and bound", () => {
  it("finds what all sets together hold, at every price of a coin", () => {
    let found = 0;
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: 1n, max: 40n }), { maxLength: 10 }),
        fc.bigInt({ min: 1n, max: 120n }),
        fc.bigInt({ min: 0n, max: 6n }),
        fc.bigInt({ min: -5n, max: 5n }),
        fc.integer({ min: 1, max: 10 }),
        (amounts, least, wide, wasteOfCoin, coinsAtMost) => {
          const values = amounts.toSorted((left, right) => Number(right - left));
          const request = { values, least, most: least + wide, wasteOfCoin, coinsAtMost, triesAtMost: 100_000 };
          const places = findExactMatch(request);
          const best = leastWasteOfAll(request);
          expect(places === null).toBe(best === null);
          if (places === null) return;
          found += 1;
          expect(new Set(places).size).toBe(places.length);
          const chosen = places.map((place) => values[place] ?? 0n);
          expect(wasteOf(chosen, least, wasteOfCoin)).toBe(best);
        },
      ),
      { numRuns: 1_500 },
    );
    expect(found).toBeGreaterThan(300);
  });

  it("needs several coins, not the largest, and not more than it may", () => {
    expect(search([10, 9, 7, 5, 3], 17, 17)).toEqual([0, 2]);
    expect(search([10, 9, 7, 5, 3], 21, 21)).toEqual([1, 2, 3]);
    expect(search([10, 9, 7, 5, 3], 21, 21, { coinsAtMost: 2 })).toBeNull();
    expect(search([10, 9, 7, 5, 3], 22, 22, { coinsAtMost: 3 })).toEqual([0, 1, 4]);
  });

  it("finds nothing among nothing, and nothing beyond all", () => {
    expect(search([], 1, 9)).toBeNull();
    expect(search([5, 4], 10, 20)).toBeNull();
    expect(search([50, 40], 10, 20)).toBeNull();
  });

  it("takes fewer coins when they are dear now, and more when they are cheap", () => {
    expect(search([20, 11, 10, 9], 20, 21, { wasteOfCoin: 5n })).toEqual([0]);
    expect(search([20, 11, 10, 9], 20, 21, { wasteOfCoin: -5n })).toEqual([1, 3]);
  });

  it("gives up after its tries with what it has, and does not lose itself among equals", () => {
    const hard = Array.from({ length: 40 }, (_, nth) => 2 ** 20 + 2 ** (19 - (nth % 20)) * 2).toSorted((a, b) => b - a);
    expect(search(hard, 3 * 2 ** 20 + 1, 3 * 2 ** 20 + 1, { triesAtMost: 1_000 })).toBeNull();
    expect(search(new Array<number>(400).fill(10), 1_005, 1_009, { triesAtMost: 1_000 })).toBeNull();
    expect(search(new Array<number>(400).fill(10), 1_000, 1_009, { triesAtMost: 1_000 })?.length).toBe(100);
  });
});
