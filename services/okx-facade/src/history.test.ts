// Pages as a backend reads them, by the time of the last one: nothing is passed over and nothing comes twice.
import fc from "fast-check";
import { expect, it } from "vitest";
import { cutPage } from "./history.ts";

it("pages by time lose nothing and repeat nothing, where no time has more than fit on a page; and this test can fail", () => {
  const times = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 20, maxLength: 60 });
  let pages = 0;
  const read = (all: readonly { receivedAtMs: number }[], limit: number, cut: typeof cutPage) => {
    const seen: unknown[] = [];
    for (let after = Number.POSITIVE_INFINITY; ; pages += 1) {
      const page = cut(all.filter(({ receivedAtMs }) => receivedAtMs < after).slice(0, limit + 1), limit);
      if (page.length === 0) return seen;
      seen.push(...page);
      after = page.at(-1)?.receivedAtMs ?? 0;
    }
  };
  let wrong = 0;
  fc.assert(
    fc.property(times, fc.integer({ min: 3, max: 9 }), (made, limit) => {
      const count = new Map<number, number>();
      const fitting = made.filter((atMs) => {
        count.set(atMs, (count.get(atMs) ?? 0) + 1);
        return (count.get(atMs) ?? 0) <= limit;
      });
      const all = fitting.toSorted((a, b) => b - a).map((receivedAtMs) => ({ receivedAtMs }));
      expect(read(all, limit, cutPage)).toEqual(all);
      if (read(all, limit, (found, most) => found.slice(0, most)).length !== all.length) wrong += 1;
    }),
    { numRuns: 300 },
  );
  expect(pages).toBeGreaterThan(300);
  expect(wrong).toBeGreaterThan(30);
});
