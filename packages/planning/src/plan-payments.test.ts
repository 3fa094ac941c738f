// With which coins: confirmed ones first, unconfirmed change as far as nodes keep the chain, the rate of the most urgent.
import { type Coin, outpointOf } from "@sluice/chains";
import { DESTINATION, fund, makeWallet } from "@sluice/signing-fixtures";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chainOf, MEMPOOL_LIMITS, nodesKeep, type UnconfirmedTransaction } from "./mempool-limits.ts";
import { type PaymentRequest, planPayments } from "./plan-payments.ts";

const { wallet } = makeWallet(200);
const pay = (amountSat: bigint) => [
  { withdrawalId: "w", address: DESTINATION, amountSat, clearanceBytes: 500, alone: false },
];
const change = (amountSat: bigint, at: number): Coin => ({ ...fund(wallet, amountSat, at, 1), confirmed: false });
const request = (changes: Partial<PaymentRequest>): PaymentRequest => ({
  ...{ wallet, coins: [], spendUnconfirmed: true, unconfirmed: [], changeIndex: 0, longTermFeeRate: null },
  maxRequestBytes: 900_000,
  ...changes,
});
/** A chain of so many transactions, of which the last made the coin. */
const chainTo = ({ txid }: Coin, length: number, vbytes = 200): readonly UnconfirmedTransaction[] =>
  Array.from({ length }, (_, at) => ({
    transactionId: at === 0 ? txid : `${txid}-${at}`,
    vbytes,
    parents: at === length - 1 ? [] : [`${txid}-${at + 1}`],
  }));

describe("planPayments", () => {
  it("leaves unconfirmed change alone while what is confirmed suffices, however small it is", () => {
    const [settled, loose] = [fund(wallet, 60_000n), change(5_000_000n, 1)];
    const planned = planPayments(
      request({ coins: [loose, settled], unconfirmed: chainTo(loose, 1) }),
      pay(50_000n),
      [],
      1_000n,
    );
    expect(planned.ok && planned.plan.inputs.map(outpointOf)).toEqual([outpointOf(settled)]);
  });

  it("spends it when it must, and waits for a block when it may not", () => {
    const loose = change(5_000_000n, 1);
    const coins = [loose, fund(wallet, 60_000n)];
    const unconfirmed = chainTo(loose, 1);
    expect(planPayments(request({ coins, unconfirmed }), pay(90_000n), [], 1_000n).ok).toBe(true);
    const off = { coins, unconfirmed, spendUnconfirmed: false };
    expect(planPayments(request(off), pay(90_000n), [], 1_000n)).toEqual({ ok: false, code: "CHANGE_UNCONFIRMED" });
    expect(planPayments(request(off), pay(9_000_000n), [], 1_000n)).toEqual({ ok: false, code: "INSUFFICIENT_FUNDS" });
  });

  it("takes another coin instead of one whose chain is as long as nodes keep", () => {
    const [long, short] = [change(4_000_000n, 1), change(5_000_000n, 2)];
    const of = (length: number, coins: readonly Coin[]) =>
      planPayments(
        request({ coins, unconfirmed: [...chainTo(long, length), ...chainTo(short, 2)] }),
        pay(90_000n),
        [],
        1_000n,
      );
    const inputs = (length: number) => {
      const planned = of(length, [long, short]);
      return planned.ok && planned.plan.inputs.map(outpointOf);
    };
    expect(inputs(MEMPOOL_LIMITS.transactions - 1)).toEqual([outpointOf(long)]);
    expect(inputs(MEMPOOL_LIMITS.transactions)).toEqual([outpointOf(short)]);
    expect(of(MEMPOOL_LIMITS.transactions, [long])).toEqual({ ok: false, code: "CHANGE_UNCONFIRMED" });
  });

  it("waits with an anchor whose own chain is too long, and believes no coin whose transaction is unknown", () => {
    const anchor = change(5_000_000n, 1);
    const required = [outpointOf(anchor)];
    const settled = fund(wallet, 9_000_000n);
    const on = (unconfirmed: readonly UnconfirmedTransaction[]) =>
      planPayments(request({ coins: [settled, anchor], unconfirmed }), pay(90_000n), required, 1_000n);
    expect(on(chainTo(anchor, 25))).toEqual({ ok: false, code: "CHANGE_UNCONFIRMED" });
    expect(on([])).toEqual({ ok: false, code: "CHANGE_UNCONFIRMED" });
    expect(on(chainTo(anchor, 24)).ok).toBe(true);
  });
});

describe("the limits of nodes", () => {
  const graph = fc
    .array(fc.record({ vbytes: fc.integer({ min: 100, max: 30_000 }), picks: fc.array(fc.nat(), { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 60,
    })
    .map((drawn) =>
      drawn.map(({ vbytes, picks }, at): UnconfirmedTransaction => {
        const parents = at === 0 ? [] : [...new Set(picks.map((pick) => `t${pick % at}`))];
        return { transactionId: `t${at}`, vbytes, parents };
      }),
    );

  it("hold for ancestors and for the descendants of each of them, whatever is spent", () => {
    let kept = 0;
    fc.assert(
      fc.property(graph, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (transactions, picks) => {
        const parents = [...new Set(picks.map((pick) => `t${pick % transactions.length}`))];
        const inputs = parents.map((txid, at): Coin => ({ ...change(1_000n, at), txid }));
        if (!nodesKeep(transactions, inputs, 500)) return;
        kept += 1;
        const all = [...transactions, { transactionId: "new", vbytes: 500, parents }];
        const ancestors = reach(all, "new", "up");
        for (const set of [ancestors, ...[...ancestors].map((id) => reach(all, id, "down"))]) {
          const vbytes = all.reduce((sum, one) => sum + (set.has(one.transactionId) ? one.vbytes : 0), 0);
          expect(set.size).toBeLessThanOrEqual(25);
          expect(vbytes).toBeLessThanOrEqual(101_000);
        }
      }),
      { numRuns: 300 },
    );
    expect(kept).toBeGreaterThan(20);
  });

  it("count what is unknown without end", () => {
    expect(chainOf([], ["x"]).vbytes).toBe(Number.POSITIVE_INFINITY);
  });

  /** A second way to count, straight from the words of the rule. */
  function reach(all: readonly UnconfirmedTransaction[], from: string, way: "up" | "down"): ReadonlySet<string> {
    const found = new Set([from]);
    for (let grown = true; grown; ) {
      const before = found.size;
      for (const { transactionId, parents } of all) {
        if (way === "up" && found.has(transactionId)) for (const parent of parents) found.add(parent);
        if (way === "down" && parents.some((parent) => found.has(parent))) found.add(transactionId);
      }
      grown = found.size > before;
    }
    return found;
  }
});

describe("a coin that only lost transactions spend", () => {
  const [first, second] = [fund(wallet, 60_000n, 1), fund(wallet, 30_000n, 2)];
  const lostCoins = [fund(wallet, 40_000n, 3), fund(wallet, 80_000n, 4)];
  const inputsFor = (amountSat: bigint, changes: Partial<PaymentRequest> = {}, required: readonly string[] = []) => {
    const planned = planPayments(
      request({ coins: [second, first], lostCoins, ...changes }),
      pay(amountSat),
      required,
      1_000n,
    );
    return planned.ok ? planned.plan.inputs.map(outpointOf) : planned.code;
  };
  const [small, large] = lostCoins.map(outpointOf);

  it("is left alone while the others suffice", () => {
    const own = [first, second].map(outpointOf);
    for (const amountSat of [20_000n, 70_000n, 85_000n]) {
      const inputs = inputsFor(amountSat);
      expect(Array.isArray(inputs) && inputs.every((outpoint) => own.includes(outpoint))).toBe(true);
    }
  });

  it("helps out then, alone and the smallest that will do, and never as the first input", () => {
    expect(inputsFor(95_000n)).toEqual([outpointOf(first), small]);
    expect(inputsFor(135_000n)).toEqual([outpointOf(first), large]);
    expect(inputsFor(180_000n)).toBe("INSUFFICIENT_FUNDS");
    expect(inputsFor(100_000n, {}, [outpointOf(second)])?.[0]).toBe(outpointOf(second));
  });

  it("pays nobody by itself: what it comes beside has to be in a block", () => {
    expect(inputsFor(20_000n, { coins: [] })).toBe("INSUFFICIENT_FUNDS");
    const loose = change(30_000n, 5);
    expect(inputsFor(40_000n, { coins: [loose], unconfirmed: chainTo(loose, 1) })).toBe("INSUFFICIENT_FUNDS");
  });
});
