// What a quorum agrees on cannot be moved by the nodes that are left over.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreedOn, highestAgreed, lowerMedian, reachedBy } from "./agreement.ts";

describe("agreement", () => {
  it("is on what a quorum says, and two majorities never agree on two things", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }), (claims) => {
        const quorum = Math.floor(claims.length / 2) + 1;
        const agreed = agreedOn(claims, quorum, String);
        const counts = [0, 1, 2, 3].map((value) => claims.filter((claim) => claim === value).length);
        const winners = counts.flatMap((count, value) => (count >= quorum ? [value] : []));
        expect(winners.length).toBeLessThanOrEqual(1);
        expect(agreed).toBe(winners[0]);
      }),
    );
  });

  it("on a height is on what a quorum has reached", () => {
    expect(reachedBy([5, 1_000_000, 7], 2)).toBe(7);
    expect(reachedBy([5, 1_000_000], 2)).toBe(5);
    expect(reachedBy([5], 2)).toBe(-1);
  });

  it("on chains that parted is found at the fork, in few questions", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5_000 }), fc.nat(5_000), async (from, behind) => {
        const fork = Math.max(-1, from - behind);
        let questions = 0;
        const found = await highestAgreed(from, async (height) => {
          questions += 1;
          return height <= fork;
        });
        expect(found).toBe(fork);
        expect(questions).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(behind + 2)) + 2);
      }),
    );
  });

  it("on a fee lies between honest ones, whatever fewer than half of the nodes say", () => {
    const fee = fc.bigInt({ min: 1n, max: 10n ** 9n });
    fc.assert(
      fc.property(fc.array(fee, { minLength: 2, maxLength: 5 }), fc.array(fee, { maxLength: 4 }), (honest, lying) => {
        const lies = lying.slice(0, honest.length - 1);
        const median = lowerMedian([...honest, ...lies]);
        const sorted = honest.toSorted((a, b) => (a < b ? -1 : 1));
        expect(median).toBeGreaterThanOrEqual(sorted[0] ?? 0n);
        expect(median).toBeLessThanOrEqual(sorted.at(-1) ?? 0n);
      }),
    );
    // One of each: what is too low waits, what is too high would be lost.
    expect(lowerMedian([5n, 90_000n])).toBe(5n);
    expect(lowerMedian([])).toBeUndefined();
  });
});
