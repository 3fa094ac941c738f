// Which withdrawals the next transaction pays: given coins and candidates, when chosen, then who goes and who waits.
import { approve, clear, DESTINATION, fund, makeApprover, makeSeals, makeWallet } from "@sluice/signing-fixtures";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Candidate } from "./choose-batch.ts";
import { type Choice, type ChoiceRequest, choosePayout } from "./choose-payout.ts";

const { wallet } = makeWallet(200);

function candidate(withdrawalId: string, amountSat: bigint, anchor: string | null = null): Candidate {
  const { priority, dueInMs } = { priority: "normal", dueInMs: 0 } as const;
  return {
    withdrawalId,
    address: DESTINATION,
    amountSat,
    anchor,
    alone: false,
    clearanceBytes: 500,
    priority,
    dueInMs,
  };
}

function request(changes: Partial<ChoiceRequest>): ChoiceRequest {
  return {
    ...{
      wallet,
      coins: [],
      spendUnconfirmed: true,
      unconfirmed: [],
      longTermFeeRate: null,
      candidates: [],
      maxWithdrawals: 3,
      changeIndex: 0,
    },
    ...{ feeRatesSatPerKvbyte: { fast: 9_000n, normal: 2_000n, economy: 1_000n }, maxRequestBytes: 900_000 },
    ...changes,
  };
}

const paidIn = ({ payout }: Choice) => payout?.withdrawalIds;

describe("choosePayout", () => {
  it("takes the oldest up to the maximum", () => {
    const candidates = ["a", "b", "c", "d"].map((id) => candidate(id, 10_000n));
    const choice = choosePayout(request({ coins: [fund(wallet, 1_000_000n)], candidates }));
    expect(paidIn(choice)).toEqual(["a", "b", "c"]);
    expect(choice.waiting.size).toBe(0);
  });

  it("pays whoever the coins suffice for, and says why the others wait", () => {
    const candidates = [candidate("large", 5_000_000n), candidate("a", 10_000n), candidate("b", 20_000n)];
    const choice = choosePayout(request({ coins: [fund(wallet, 100_000n)], candidates }));
    expect(paidIn(choice)).toEqual(["a", "b"]);
    expect([...choice.waiting]).toEqual([["large", "INSUFFICIENT_FUNDS"]]);
  });

  it("chooses nobody without coins", () => {
    const choice = choosePayout(request({ candidates: [candidate("a", 10_000n)] }));
    expect(choice.payout).toBeNull();
    expect([...choice.waiting]).toEqual([["a", "INSUFFICIENT_FUNDS"]]);
  });

  it("lets one that no transaction can pay hold up nobody", () => {
    const candidates = [candidate("dust", 1n), candidate("a", 10_000n)];
    const choice = choosePayout(request({ coins: [fund(wallet, 100_000n)], candidates }));
    expect(paidIn(choice)).toEqual(["a"]);
    expect([...choice.waiting]).toEqual([["dust", "DUST_OUTPUT"]]);
  });

  it("keeps a request within what one message carries", () => {
    const candidates = [candidate("a", 10_000n), { ...candidate("b", 10_000n), clearanceBytes: 900_000 }];
    const choice = choosePayout(request({ coins: [fund(wallet, 100_000n)], candidates }));
    expect(paidIn(choice)).toEqual(["a"]);
    expect([...choice.waiting]).toEqual([["b", "MESSAGE_TOO_LARGE"]]);
  });

  it("counts what people signed: a hundred that two each approved fit, and of those that ten approved as many as fit", () => {
    const seals = makeSeals();
    const people = Array.from({ length: 10 }, (_, at) => makeApprover(`person-with-a-name-${at + 1}`));
    const body = { id: "w".repeat(64), account: "a".repeat(64), asset: "BTC", amount: "10000", address: DESTINATION };
    const clearedBy = (count: number) => {
      const approvals = people.slice(0, count).map((person) => approve(person, body, 1));
      return clear(seals, body, 1, approvals).length;
    };
    const all = (clearanceBytes: number) =>
      Array.from({ length: 100 }, (_, at) => ({ ...candidate(`w-${at}`, 10_000n), clearanceBytes }));
    const limits = { coins: [fund(wallet, 9_000_000n)], maxWithdrawals: 100, maxRequestBytes: 699_050 };
    // With findings of some twenty rules beside them.
    const [two, ten] = [clearedBy(2) + 4_000, clearedBy(10) + 4_000];
    process.stdout.write(
      `clearances: ${clearedBy(0)} bytes, ${clearedBy(2)} with 2 approvals, ${clearedBy(10)} with 10\n`,
    );
    expect(paidIn(choosePayout(request({ ...limits, candidates: all(two) })))).toHaveLength(100);
    const few = { ...limits, maxRequestBytes: 4 * ten };
    const choice = choosePayout(request({ ...few, candidates: all(ten).slice(0, 6) }));
    expect(paidIn(choice)).toEqual(["w-0", "w-1", "w-2"]);
    expect(3 * ten + (choice.payout?.plan.psbt.length ?? 0)).toBeLessThanOrEqual(few.maxRequestBytes);
    expect(new Set(choice.waiting.values())).toEqual(new Set(["MESSAGE_TOO_LARGE"]));
  });

  it("spends the anchor first, whatever the other coins are worth, and pays nobody who does not share it", () => {
    const [anchor, large] = [fund(wallet, 50_000n), fund(wallet, 9_000_000n)];
    const outpoint = `${anchor.txid}:0`;
    const candidates = [
      candidate("a", 10_000n, outpoint),
      candidate("free", 10_000n),
      candidate("b", 90_000n, outpoint),
    ];
    const choice = choosePayout(request({ coins: [large, anchor], candidates }));
    expect(paidIn(choice)).toEqual(["a", "b"]);
    expect(choice.payout?.plan.inputs.map(({ txid }) => txid)).toEqual([anchor.txid, large.txid]);
  });

  it("waits for an anchor that is not free, and goes on with the others", () => {
    const candidates = [candidate("a", 10_000n, `${"ab".repeat(32)}:1`), candidate("free", 10_000n)];
    const choice = choosePayout(request({ coins: [fund(wallet, 100_000n)], candidates }));
    expect(paidIn(choice)).toEqual(["free"]);
    expect([...choice.waiting]).toEqual([["a", "REQUIRED_COIN_MISSING"]]);
  });

  it("gives no company to one that is to be alone", () => {
    const candidates = [{ ...candidate("a", 10_000n), alone: true }, candidate("b", 10_000n), candidate("c", 10_000n)];
    const choice = choosePayout(request({ coins: [fund(wallet, 100_000n)], candidates }));
    expect(paidIn(choice)).toEqual(["a"]);
    const rest = choosePayout(request({ coins: [fund(wallet, 100_000n)], candidates: candidates.toReversed() }));
    expect(paidIn(rest)).toEqual(["c", "b"]);
  });

  it("never pays more than the coins hold, and pays each exactly its amount", () => {
    const amounts = fc.array(fc.bigInt(600n, 80_000n), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(amounts, amounts, (coinSats, paySats) => {
        const coins = coinSats.map((sat) => fund(wallet, sat));
        const candidates = paySats.map((sat, at) => candidate(`w-${at}`, sat));
        const choice = choosePayout(request({ coins, candidates }));
        const paid = candidates.filter(({ withdrawalId }) => paidIn(choice)?.includes(withdrawalId));
        expect(paid.some(({ withdrawalId }) => choice.waiting.has(withdrawalId))).toBe(false);
        if (choice.payout === null) return;
        const { inputs, feeSat, changeSat } = choice.payout.plan;
        const inSat = inputs.reduce((sum, { amountSat }) => sum + amountSat, 0n);
        const outSat = paid.reduce((sum, { amountSat }) => sum + amountSat, 0n);
        expect(inSat).toBe(outSat + feeSat + (changeSat ?? 0n));
      }),
      { numRuns: 60 },
    );
  });
});
