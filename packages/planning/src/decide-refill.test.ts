// A shortage is told of when it begins, changes markedly and ends; and never in a flood.
import { outpointOf, planPayout } from "@sluice/chains";
import { DESTINATION, fund, makeWallet } from "@sluice/signing-fixtures";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { freshReceivingIndex, shortageOf, tellsOfRefill } from "./decide-refill.ts";

const short = (missingSat: bigint) => ({ missingSat, waitingWithdrawals: missingSat === 0n ? 0 : 1 });

describe("what is missing", () => {
  it("is what waits and its fees, less what is there", () => {
    const waiting = {
      ...{ amountsSat: 700_000n, withdrawals: 2, freeSat: 100_000n, freeCoins: 1, feeRateSatPerKvbyte: 5_000n },
    };
    const reserveSat = 5n * (2n * 100n + 3n * 106n);
    expect(shortageOf(waiting)).toEqual({ missingSat: 600_000n + reserveSat, waitingWithdrawals: 2 });
    expect(shortageOf({ ...waiting, freeSat: 700_000n }).missingSat).toBe(reserveSat);
    expect(shortageOf({ ...waiting, freeSat: 9_000_000n }).missingSat).toBe(reserveSat);
    expect(shortageOf({ ...waiting, withdrawals: 0 }).missingSat).toBe(0n);
  });
});

it("is enough: when it comes, as one coin or two, all that waited can be paid", () => {
  const { wallet } = makeWallet(200);
  const sats = fc.bigInt(1_000n, 400_000n);
  fc.assert(
    fc.property(
      ...[fc.array(sats, { minLength: 1, maxLength: 8 }), fc.array(sats, { maxLength: 6 }), fc.bigInt(1_000n, 9_000n)],
      fc.integer({ min: 1, max: 2 }),
      (amounts, coinSats, feeRateSatPerKvbyte, parts) => {
        const sum = (each: readonly bigint[]) => each.reduce((left, right) => left + right, 0n);
        const free = coinSats.filter((sat) => sat > 106n * 9n);
        const funds = {
          amountsSat: sum(amounts),
          withdrawals: amounts.length,
          freeSat: sum(free),
          freeCoins: free.length,
        };
        const { missingSat } = shortageOf({ ...funds, feeRateSatPerKvbyte });
        const refill = parts === 1 ? [missingSat] : [missingSat / 2n, missingSat - missingSat / 2n];
        const coins = [...free, ...refill].map((sat, at) => fund(wallet, sat, at));
        const planned = planPayout({
          ...{ wallet: wallet.descriptor, coins, requiredOutpoints: coins.map(outpointOf), changeIndex: 0 },
          payments: amounts.map((amountSat, at) => ({ withdrawalId: `w${at}`, address: DESTINATION, amountSat })),
          feeRateSatPerVbyte: Number(feeRateSatPerKvbyte) / 1000,
        });
        expect(planned.ok).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

describe("a shortage", () => {
  it.each<[string, bigint | null, bigint, number, boolean]>([
    ["none, never told", null, 0n, 0, false],
    ["the first", null, 5_000n, 0, true],
    ["the same", 5_000n, 5_000n, 9_999, false],
    ["hardly another", 5_000n, 5_499n, 9_999, false],
    ["markedly more", 5_000n, 5_500n, 9_999, true],
    ["markedly less", 5_000n, 4_500n, 9_999, true],
    ["markedly more, too soon", 5_000n, 50_000n, 999, false],
    ["over", 5_000n, 0n, 1_000, true],
    ["over, too soon", 5_000n, 0n, 999, false],
    ["still over", 0n, 0n, 9_999, false],
    ["a new one", 0n, 1n, 1_000, true],
  ])("%s", (_, told, missingSat, afterMs, tells) => {
    const before = told === null ? null : { missingSat: told, toldAtMs: 0 };
    expect(tellsOfRefill(before, short(missingSat), afterMs, 1_000)).toBe(tells);
  });

  it("is never told of more often than once in a pause, and the last word is always true up to a tenth", () => {
    const step = fc.record({ afterMs: fc.integer({ min: 1, max: 400 }), missingSat: fc.bigInt(0n, 1_000_000n) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        let told: { readonly missingSat: bigint; readonly toldAtMs: number } | null = null;
        let [nowMs, missingSat, times] = [0, 0n, 0];
        for (const each of [...steps, ...steps.slice(-1).map((last) => ({ ...last, afterMs: 1_000 }))]) {
          nowMs += each.afterMs;
          missingSat = each.missingSat;
          if (!tellsOfRefill(told, short(missingSat), nowMs, 1_000)) continue;
          told = { missingSat, toldAtMs: nowMs };
          times += 1;
        }
        expect(times).toBeLessThanOrEqual(1 + Math.floor(nowMs / 1_000));
        const last: bigint = (told as { missingSat: bigint } | null)?.missingSat ?? 0n;
        expect((missingSat === 0n) === (last === 0n)).toBe(true);
        const apart = missingSat > last ? missingSat - last : last - missingSat;
        expect(apart * 10n < last || apart === 0n).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a refill's address", () => {
  it("comes after all that were paid to or named, and never lies a gap limit beyond the last that was paid", () => {
    expect(freshReceivingIndex([], null, 3)).toBe(0);
    expect(freshReceivingIndex([0], null, 3)).toBe(1);
    expect(freshReceivingIndex([0], 1, 3)).toBe(2);
    // Those left out lie where somebody was told of them.
    expect(freshReceivingIndex([0, 5], 2, 3)).toBe(6);
    // Beyond the first gap limit, for ever.
    expect(freshReceivingIndex([0, 1, 2], 2, 3)).toBe(3);
    expect(freshReceivingIndex([999], 999, 3)).toBe(1_000);
    expect([freshReceivingIndex([4], 6, 3), freshReceivingIndex([4], 7, 3), freshReceivingIndex([4], 5, 3)]).toEqual([
      7, 5, 6,
    ]);
  });

  it("is never paid to twice, and never named twice until a gap limit of them in a row was named in vain", () => {
    const aStory = fc.array(fc.boolean(), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(aStory, fc.integer({ min: 1, max: 20 }), (paidAt, gapLimit) => {
        const [used, named]: [number[], Set<number>] = [[], new Set()];
        let [last, inVain, inRow]: [number | null, number, boolean] = [null, 0, true];
        for (const isPaid of paidAt) {
          const index = freshReceivingIndex(used, last, gapLimit);
          expect(used).not.toContain(index);
          inRow &&= inVain < gapLimit;
          if (inRow) expect(named).not.toContain(index);
          expect(index).toBeLessThanOrEqual(Math.max(-1, ...used) + gapLimit);
          named.add(index);
          last = index;
          inVain = isPaid ? 0 : inVain + 1;
          if (isPaid) used.push(index);
        }
      }),
      { numRuns: 300 },
    );
  });
});
