// The robust score: against numbers worked out elsewhere, and properties that no history may break.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { log2, scoreAmount } from "./baseline.ts";
import {
  fund,
  makePolicy,
  makeSeals,
  makeTask,
  makeWallet,
  noHistory,
  type PolicyChanges,
  request,
} from "./fixtures.ts";
import { judgeTask, readTask } from "./judge-task.ts";
import type { History, Judgement } from "./judgement.ts";

const SUPPLY_SAT = 2_100_000_000_000_000n;
const anAmount = fc.oneof(fc.bigInt({ min: 1n, max: 1_000_000n }), fc.bigInt({ min: 1n, max: SUPPLY_SAT }));
const aHistory = fc.array(anAmount, { minLength: 5, maxLength: 60 });

describe("the logarithm", () => {
  test("is Math.log2 to the last of its 16 bits", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: SUPPLY_SAT }), (value) => {
        const exact = Math.log2(Number(value)) * 65_536;
        expect(Math.abs(Number(log2(value)) - exact)).toBeLessThan(1.001);
      }),
      { numRuns: 2_000 },
    );
    for (const power of [0n, 1n, 16n, 50n]) expect(log2(1n << power)).toBe(power << 16n);
  });

  test("never falls as its argument grows", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 1n << 80n }), fc.bigInt({ min: 0n, max: 1_000n }), (value, more) => {
        expect(log2(value + more) >= log2(value)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([0n, -1n])("has none for %s", (value) => expect(() => log2(value)).toThrow(RangeError));
});

describe("the score", () => {
  test("is the textbook's: 0.6745 times the distance from the median, in MADs", () => {
    // log2: 10, 11, 12, 13, 14. Median 12, MAD 1; 2^16 is four MADs above.
    const earlier = [10, 11, 12, 13, 14].map((power) => 1n << BigInt(power));
    expect(scoreAmount(earlier, 1n << 16n, 5)).toEqual({
      scoreThousandths: 2_698n,
      median: 4_096n,
      madThousandths: 1_000n,
      count: 5,
    });
    expect(scoreAmount(earlier, 1n << 12n, 5)?.scoreThousandths).toBe(0n);
    expect(scoreAmount(earlier, 1n << 8n, 5)?.scoreThousandths).toBe(-2_698n);
  });

  test("does not divide by nothing when all earlier amounts are the same", () => {
    const same = Array.from({ length: 8 }, () => 100_000n);
    expect(scoreAmount(same, 100_000n, 8)?.scoreThousandths).toBe(0n);
    expect(scoreAmount(same, 200_000n, 8)).toMatchObject({ scoreThousandths: 2_698n, madThousandths: 250n });
  });

  test("says nothing before there is enough history", () => {
    expect(scoreAmount([1n, 1n, 1n, 1n], SUPPLY_SAT, 5)).toBeNull();
    expect(scoreAmount([], 1n, 0)).toBeNull();
  });

  test("never falls as the amount grows, and the order of history says nothing", () => {
    let compared = 0;
    fc.assert(
      fc.property(aHistory, anAmount, anAmount, fc.nat(), (earlier, first, second, turn) => {
        const [less, more] = first < second ? [first, second] : [second, first];
        const low = scoreAmount(earlier, less, 5);
        const high = scoreAmount(earlier, more, 5);
        if (low === null || high === null) throw new Error("there is enough history");
        expect(low.scoreThousandths <= high.scoreThousandths).toBe(true);
        const at = turn % earlier.length;
        expect(scoreAmount([...earlier.slice(at), ...earlier.slice(0, at)].toReversed(), more, 5)).toEqual(high);
        compared += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(compared).toBe(1_000);
  });

  test("is the same for a history that is told twice", () => {
    fc.assert(
      fc.property(aHistory, anAmount, (earlier, amount) => {
        const once = scoreAmount(earlier, amount, 5);
        const twice = scoreAmount([...earlier, ...earlier], amount, 5);
        expect(twice).toEqual({ ...once, count: 2 * earlier.length });
      }),
      { numRuns: 500 },
    );
  });

  test("cannot be moved far by a few extreme amounts among many", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(1n, SUPPLY_SAT), { maxLength: 9 }), (extreme) => {
        const usual = Array.from({ length: 20 }, (_, at) => 90_000n + 1_000n * BigInt(at));
        const score = scoreAmount([...usual, ...extreme], 10_000_000n, 5)?.scoreThousandths ?? 0n;
        expect(score > 10_000n).toBe(true);
      }),
    );
  });
});

const SEVERITY: Readonly<Record<Judgement["kind"], number>> = { sign: 0, delay: 1, refuse: 2 };

describe("a verdict", () => {
  const NOW_MS = 1_700_000_000_000;
  const seals = makeSeals();
  const { wallet } = makeWallet();
  const coin = fund(wallet, 50_000_000n);
  const changes: PolicyChanges = {
    maxPaymentSat: "100000000",
    maxFeePercent: 100,
    baseline: {
      historyMs: 86_400_000,
      minimumCount: 5,
      account: { delayScore: 2, refuseScore: 6 },
      wallet: { delayScore: 3, refuseScore: 9 },
      delayMs: 60_000,
    },
    large: { delayAboveSat: "5000000", delayMs: 120_000, releaseAboveSat: "20000000" },
  };
  const policy = makePolicy(changes);
  const judge = (amountSat: bigint, history: Partial<History>) => {
    const requests = [request("w1", { amount: String(amountSat) })];
    const read = readTask(makeTask(seals, wallet, { coins: [coin], requests, clearedAtMs: NOW_MS }), {
      trust: seals.trust,
      wallets: new Map([["hot", wallet]]),
    });
    if (read.kind !== "read") throw new Error(JSON.stringify(read.findings));
    return judgeTask(read.read, policy, { ...noHistory(NOW_MS), ...history }, NOW_MS);
  };

  test("is never milder for a larger amount, whatever the history", () => {
    const kinds = new Map<string, number>();
    const amount = fc.bigInt({ min: 10_000n, max: 40_000_000n });
    fc.assert(
      fc.property(aHistory, aHistory, amount, amount, (account, hours, first, second) => {
        const history = { usualOfAccount: new Map([["alice", account]]), usualHoursOfWallet: hours };
        const [less, more] = first < second ? [first, second] : [second, first];
        const [mild, strict] = [judge(less, history), judge(more, history)];
        for (const { kind } of [mild, strict]) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        expect(SEVERITY[mild.kind] <= SEVERITY[strict.kind]).toBe(true);
        if (mild.kind === "delay" && strict.kind === "delay") expect(mild.untilMs <= strict.untilMs).toBe(true);
      }),
      { numRuns: 150 },
    );
    expect([...kinds.keys()].toSorted()).toEqual(["delay", "refuse", "sign"]);
  });

  test("names what it rests on, for the account before the wallet", () => {
    const history = {
      usualOfAccount: new Map([["alice", [10_000n, 10_000n, 10_000n, 20_000n, 10_000n]]]),
      usualHoursOfWallet: [10_000n, 10_000n, 10_000n, 10_000n, 10_000n],
      thisHourOfWalletSat: 5_000n,
    };
    const evidence = { medianSat: "10000", madDoublings: "0.250", count: "5" };
    expect(judge(30_000n, history)).toMatchObject({
      kind: "delay",
      untilMs: NOW_MS + 60_000,
      deliberated: ["w1"],
      findings: [
        { withdrawalId: "w1", rule: "ACCOUNT_ABNORMAL", evidence: { ...evidence, score: "4.276" } },
        { withdrawalId: "", rule: "WALLET_ABNORMAL", evidence },
      ],
    });
  });

  test("lets what was only unusual go when its time is over, counted from the first judgement", () => {
    const usualOfAccount = new Map([["alice", [10_000n, 10_000n, 10_000n, 10_000n, 10_000n]]]);
    const since = (sinceMs: number) => ({ deliberations: new Map([["w1", { sinceMs, veto: null }]]) });
    expect(judge(20_000n, { usualOfAccount, ...since(NOW_MS - 59_999) })).toMatchObject({ untilMs: NOW_MS + 1 });
    expect(judge(20_000n, { usualOfAccount, ...since(NOW_MS - 60_000) })).toEqual({ kind: "sign" });
    expect(judge(60_000n, { usualOfAccount, ...since(NOW_MS - 60_000) }).kind).toBe("refuse");
  });

  test("makes a large payment wait once, and a larger one until somebody has released it", () => {
    const since = (sinceMs: number) => ({ deliberations: new Map([["w1", { sinceMs, veto: null }]]) });
    expect(judge(5_000_000n, {})).toEqual({ kind: "sign" });
    expect(judge(5_000_001n, {})).toMatchObject({ kind: "delay", untilMs: NOW_MS + 120_000 });
    expect(judge(5_000_001n, since(NOW_MS - 120_000))).toEqual({ kind: "sign" });
    const waiting = judge(20_000_001n, since(NOW_MS - 10 * 86_400_000));
    expect(waiting).toMatchObject({ kind: "delay", findings: [{ rule: "NEEDS_RELEASE" }] });
    // A release does not shorten the wait in which people may say no.
    expect(judge(20_000_001n, { releasedBy: "carol" })).toMatchObject({ findings: [{ rule: "LARGE_PAYMENT_DELAY" }] });
    expect(judge(20_000_001n, { ...since(NOW_MS - 120_000), releasedBy: "carol" })).toEqual({ kind: "sign" });
  });

  test("does not let a clearance grow old while it waits here", () => {
    const lateMs = NOW_MS + 30 * 86_400_000;
    const read = readTask(makeTask(seals, wallet, { coins: [coin], clearedAtMs: NOW_MS }), {
      trust: seals.trust,
      wallets: new Map([["hot", wallet]]),
    });
    if (read.kind !== "read") throw new Error("does not read");
    expect(judgeTask(read.read, policy, noHistory(NOW_MS), lateMs)).toEqual({ kind: "sign" });
    expect(judgeTask(read.read, policy, noHistory(lateMs), lateMs)).toMatchObject({
      findings: [{ rule: "CLEARANCE_EXPIRED" }],
    });
  });
});
