// Of several estimates the one for the longest time that is not too long; whatever their order.
import fc from "fast-check";
import { expect, it } from "vitest";
import { estimateFor } from "./fee-estimate.ts";

const ESTIMATES = [
  { targetBlocks: 24, satPerKvbyte: 5_000n },
  { targetBlocks: 2, satPerKvbyte: 20_000n },
  { targetBlocks: 6, satPerKvbyte: 10_000n },
];

it.each([
  [1, 20_000n],
  [2, 20_000n],
  [5, 20_000n],
  [6, 10_000n],
  [23, 10_000n],
  [1_000, 5_000n],
])("within %i blocks", (targetBlocks, satPerKvbyte) => {
  expect(estimateFor(ESTIMATES, targetBlocks)).toBe(satPerKvbyte);
});

it("of none there is none", () => expect(estimateFor([], 6)).toBeUndefined());

it("is one of those given, for no longer a time than wanted unless all are longer", () => {
  const targets = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(targets, fc.integer({ min: 1, max: 250 }), (given, wanted) => {
      const estimates = given.map((targetBlocks) => ({ targetBlocks, satPerKvbyte: BigInt(targetBlocks) }));
      const found = Number(estimateFor(estimates, wanted));
      const fitting = given.filter((target) => target <= wanted);
      expect(found).toBe(fitting.length === 0 ? Math.min(...given) : Math.max(...fitting));
    }),
  );
});
