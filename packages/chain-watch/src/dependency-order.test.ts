// The order in which transactions are given to a node.
import fc from "fast-check";
import { expect, test } from "vitest";
import { inDependencyOrder } from "./dependency-order.ts";

test("parents come before their children, every one comes once, and what is independent keeps its order", () => {
  let moved = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }).chain((size) =>
        fc.record({
          parents: fc.tuple(
            ...Array.from({ length: size }, (_, at) => fc.array(fc.nat(Math.max(0, at - 1)), { maxLength: 3 })),
          ),
          order: fc.shuffledSubarray(
            Array.from({ length: size }, (_, at) => at),
            { minLength: size, maxLength: size },
          ),
        }),
      ),
      ({ parents, order }) => {
        const all = order.map((at) => ({
          txid: `t${at}`,
          parents: at === 0 ? ["elsewhere"] : (parents[at] ?? []).map((parent) => `t${parent}`),
        }));
        const ordered = inDependencyOrder(all);
        expect(ordered.map(({ txid }) => txid).toSorted()).toEqual(all.map(({ txid }) => txid).toSorted());
        const place = new Map(ordered.map(({ txid }, at) => [txid, at]));
        for (const { txid, parents: own } of ordered) {
          for (const parent of own) {
            if (place.has(parent)) expect(place.get(parent)).toBeLessThan(place.get(txid) ?? -1);
          }
        }
        if (ordered.some((each, at) => each !== all[at])) moved += 1;
        const lone = all.map((each) => ({ ...each, parents: [] }));
        expect(inDependencyOrder(lone)).toEqual(lone);
      },
    ),
    { numRuns: 500 },
  );
  expect(moved).toBeGreaterThan(100);
});

test("a chain of ten thousand, given backwards, is put right", () => {
  const chain = Array.from({ length: 10_000 }, (_, at) => ({
    txid: `t${at}`,
    parents: at === 0 ? [] : [`t${at - 1}`],
  }));
  expect(inDependencyOrder(chain.toReversed())).toEqual(chain);
});
