// When a batch goes and who is in it; and over any stream of arrivals: nobody waits for others than those ahead.
import { PRIORITIES, type Priority } from "@sluice/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, chooseBatch, type Plan } from "./choose-batch.ts";

type Made = Partial<Candidate> & { readonly withdrawalId: string };
const candidate = (made: Made): Candidate => ({
  ...{ address: "a", amountSat: 1n, anchor: null, alone: false, clearanceBytes: 1, priority: "normal", dueInMs: 0 },
  ...made,
});
/** Pays whoever is not named. */
const except =
  (unpayable: readonly string[]): Plan<readonly string[], "UNPAYABLE"> =>
  (candidates) => {
    const ids = candidates.map(({ withdrawalId }) => withdrawalId);
    return ids.some((id) => unpayable.includes(id)) ? { ok: false, code: "UNPAYABLE" } : { ok: true, plan: ids };
  };
const choose = (made: readonly Made[], unpayable: readonly string[] = []) =>
  chooseBatch(made.map(candidate), 3, except(unpayable));

describe("a batch", () => {
  it("waits until its most urgent is due, and then takes those with a later deadline along", () => {
    const two = (dueInMs: number) => [
      { withdrawalId: "fast", dueInMs },
      { withdrawalId: "slow", dueInMs: 60_000 },
    ];
    expect(choose(two(70))).toMatchObject({ payout: null, ripeInMs: 70 });
    expect(choose(two(0)).payout?.plan).toEqual(["fast", "slow"]);
  });

  it("goes when it is full, before anybody is due", () => {
    const four = ["a", "b", "c", "d"].map((withdrawalId, at) => ({ withdrawalId, dueInMs: 1_000 + at }));
    expect(choose(four).payout?.plan).toEqual(["a", "b", "c"]);
    expect(choose(four.slice(0, 2))).toMatchObject({ payout: null, ripeInMs: 1_000 });
  });

  it("is neither closed nor filled by one that cannot be paid", () => {
    const three = [
      { withdrawalId: "large", dueInMs: -9 },
      ...["a", "b"].map((id) => ({ withdrawalId: id, dueInMs: 5 })),
    ];
    const choice = choose(three, ["large"]);
    expect(choice).toMatchObject({ payout: null, ripeInMs: 5 });
    expect([...choice.waiting]).toEqual([["large", "UNPAYABLE"]]);
  });

  it("does not go before others because of one in it that cannot be paid", () => {
    const mixed = [
      { withdrawalId: "large", dueInMs: -9 },
      { withdrawalId: "again", dueInMs: -5, alone: true },
      { withdrawalId: "late", dueInMs: -1 },
    ];
    expect(choose(mixed, ["large"]).payout?.plan).toEqual(["again"]);
    expect(choose(mixed).payout?.plan).toEqual(["large", "late"]);
  });
});

describe("over any stream of arrivals", () => {
  const WAIT_MS: Readonly<Record<Priority, number>> = { fast: 5, normal: 40, economy: 400 };
  const arrival = fc.record({
    afterMs: fc.integer({ min: 0, max: 12 }),
    priority: fc.constantFrom(...PRIORITIES),
    kind: fc.constantFrom("free", "free", "free", "alone", "anchored", "unpayable"),
  });
  type Waiting = Candidate & { readonly dueAtMs: number; readonly number: number; readonly payable: boolean };

  it("everybody who can be paid goes within a bound that depends only on those ahead of his deadline", () => {
    const seen = { planned: 0, bySlowest: 0 };
    fc.assert(
      fc.property(
        fc.array(arrival, { minLength: 15, maxLength: 80 }),
        fc.integer({ min: 1, max: 30 }),
        (drawn, busyMs) => {
          const plannedAtMs = simulate(drawn, busyMs, byDeadline);
          for (const each of plannedAtMs.all.filter(({ payable }) => payable)) {
            const ahead = plannedAtMs.all.filter((other) => other.payable && byDeadline(other, each) < 0).length;
            const at = plannedAtMs.at.get(each.withdrawalId);
            expect(at, `${each.withdrawalId} is never planned`).toBeDefined();
            expect(at ?? 0).toBeLessThanOrEqual(each.dueAtMs + busyMs * (ahead + 1));
            seen.planned += 1;
          }
        },
      ),
      { numRuns: 200 },
    );
    process.stdout.write(`${seen.planned} withdrawals were planned, each within its bound\n`);
    expect(seen.planned).toBeGreaterThan(1_000);
  });

  it("and the check finds a planner that always takes the most urgent class first", () => {
    const byClass = (left: Waiting, right: Waiting) =>
      PRIORITIES.indexOf(left.priority) - PRIORITIES.indexOf(right.priority) || left.number - right.number;
    const SLOW = 300;
    // More fast ones than the planner can take, and one that is economy: with its class last it goes when the stream ends, and not before.
    const stream = Array.from({ length: 1_500 }, (_, at) => ({
      ...one("fast"),
      ...(at === SLOW ? one("economy") : {}),
    }));
    const late = (order: typeof byClass) => {
      const { all, at } = simulate(stream, 4, order);
      const slow = all[SLOW];
      if (slow === undefined) throw new Error("the stream is longer");
      return (at.get(slow.withdrawalId) ?? 0) - slow.dueAtMs;
    };
    expect(late(byDeadline)).toBeLessThan(300);
    expect(late(byClass)).toBeGreaterThan(600);
    function one(priority: Priority) {
      return { afterMs: 1, priority, kind: "free" as const };
    }
  });

  function byDeadline(left: Waiting, right: Waiting): number {
    return left.dueAtMs - right.dueAtMs || left.number - right.number;
  }

  /** One planner that is busy for so long with each transaction, as with a zone that takes one after the other. */
  function simulate(
    drawn: readonly { readonly afterMs: number; readonly priority: Priority; readonly kind: string }[],
    busyMs: number,
    order: (left: Waiting, right: Waiting) => number,
  ) {
    let clockMs = 0;
    const all = drawn.map(({ afterMs, priority, kind }, number): Waiting & { readonly atMs: number } => {
      clockMs += afterMs;
      const dueAtMs = clockMs + WAIT_MS[priority];
      const anchor = kind === "anchored" ? `coin-${number % 2}-${Math.floor(number / 8)}` : null;
      const made = candidate({ withdrawalId: `w${number}`, priority, anchor, alone: kind === "alone" });
      return { ...made, atMs: clockMs, dueAtMs, number, payable: kind !== "unpayable" };
    });
    const unpayable = all.filter(({ payable }) => !payable).map(({ withdrawalId }) => withdrawalId);
    const at = new Map<string, number>();
    for (let nowMs = 0, rounds = 0; at.size + unpayable.length < all.length; rounds += 1) {
      if (rounds > 10_000) break;
      const here = all.filter(({ atMs, withdrawalId }) => atMs <= nowMs && !at.has(withdrawalId)).toSorted(order);
      const choice = chooseBatch(
        here.map((each) => ({ ...each, dueInMs: each.dueAtMs - nowMs })),
        3,
        except(unpayable),
      );
      for (const { withdrawalId } of choice.payout?.candidates ?? []) at.set(withdrawalId, nowMs);
      const nextMs = Math.min(nowMs + choice.ripeInMs, ...all.map(({ atMs }) => atMs).filter((atMs) => atMs > nowMs));
      nowMs = choice.payout === null ? nextMs : nowMs + busyMs;
    }
    return { all, at };
  }
});
