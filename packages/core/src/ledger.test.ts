// The ledger: nothing is made or lost, and a payout is booked once, whatever arrives how often and in which order.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AccountId, WithdrawalId } from "./ids.ts";
import {
  assertBalanced,
  type Balances,
  type BookedPayout,
  balanceOf,
  book,
  customerAccount,
  decidePayout,
  deposited,
  networkFee,
  type Payout,
  type PayoutCommand,
  payoutPending,
  payoutPosted,
  payoutVoided,
  standingOf,
  type Transfer,
} from "./ledger.ts";

const alice = "alice" as AccountId;
const payout: Payout = { withdrawalId: "w-1" as WithdrawalId, account: alice, asset: "BTC", amountMinor: 150_000n };
const none: Balances = new Map();

describe("the transfers of a payout", () => {
  test("pending moves what is owed on its way", () => {
    expect(payoutPending(payout)).toEqual({
      id: "payout-pending:w-1",
      kind: "payout-pending",
      entries: [
        { account: "customer:alice", asset: "BTC", amountMinor: 150_000n },
        { account: "in-flight", asset: "BTC", amountMinor: -150_000n },
      ],
    });
  });

  test("deposit, payout and fee end where they should", () => {
    const transfers = [
      deposited("tx-0", alice, "BTC", 200_000n),
      payoutPending(payout),
      payoutPosted(payout),
      networkFee("tx-1", "BTC", 300n),
    ];
    const balances = transfers.reduce(book, none);
    expect(balanceOf(balances, customerAccount(alice), "BTC")).toBe(-50_000n);
    expect(balanceOf(balances, "in-flight", "BTC")).toBe(0n);
    expect(balanceOf(balances, "hot-wallet", "BTC")).toBe(49_700n);
    expect(balanceOf(balances, "network-fees", "BTC")).toBe(300n);
  });

  test("a voided payout leaves no trace in the balances", () => {
    const balances = [payoutPending(payout), payoutVoided(payout)].reduce(book, none);
    expect([...balances.values()].every((balance) => balance === 0n)).toBe(true);
  });

  test.each([0n, -1n])("an amount of %s is not booked", (amountMinor) => {
    expect(() => payoutPending({ ...payout, amountMinor })).toThrow(RangeError);
  });
});

describe("a transfer that does not sum to zero is never booked", () => {
  const entry = { account: "in-flight", asset: "BTC" } as const;
  test.each<[string, Transfer["entries"]]>([
    ["no entry", []],
    ["one entry of zero", [{ ...entry, amountMinor: 0n }]],
    [
      "a surplus",
      [
        { ...entry, amountMinor: 2n },
        { account: "hot-wallet", asset: "BTC", amountMinor: -1n },
      ],
    ],
  ])("%s", (_, entries) => {
    const crooked: Transfer = { id: "t", kind: "payout-pending", entries };
    expect(() => assertBalanced(crooked)).toThrow("does not sum to zero");
    expect(() => book(none, crooked)).toThrow("does not sum to zero");
  });
});

describe("decidePayout", () => {
  const pending: BookedPayout = { ...payout, standing: "pending" };
  const posted: BookedPayout = { ...payout, standing: "posted" };
  const voided: BookedPayout = { ...payout, standing: "voided" };

  test.each<[PayoutCommand["type"], BookedPayout | null, readonly string[] | string, string]>([
    ["pend", null, ["payout-pending"], "pending"],
    ["pend", pending, [], "pending"],
    ["pend", posted, [], "posted"],
    ["pend", voided, [], "voided"],
    ["post", null, ["payout-pending", "payout-posted"], "posted"],
    ["post", pending, ["payout-posted"], "posted"],
    ["post", posted, [], "posted"],
    ["post", voided, "PAYOUT_ALREADY_VOIDED", ""],
    ["void", null, ["payout-pending", "payout-voided"], "voided"],
    ["void", pending, ["payout-voided"], "voided"],
    ["void", posted, "PAYOUT_ALREADY_POSTED", ""],
    ["void", voided, [], "voided"],
    ["reopen", null, "PAYOUT_NOT_POSTED", ""],
    ["reopen", pending, [], "pending"],
    ["reopen", posted, ["reversed"], "pending"],
    ["reopen", voided, "PAYOUT_NOT_POSTED", ""],
  ])("%s when %o", (type, booked, then, standing) => {
    const decided = decidePayout({ type, payout }, booked);
    if (typeof then === "string") {
      expect(decided).toMatchObject({ ok: false, refusal: { code: then } });
    } else {
      const booked = decided.ok ? [...decided.value.transfers, ...decided.value.reversed.map(reversalOf)] : [];
      expect(booked.map(({ kind }) => kind)).toEqual(then);
      expect(decided.ok && decided.value.standing).toBe(standing);
    }
  });

  test.each<[string, Partial<Payout>]>([
    ["account", { account: "mallory" as AccountId }],
    ["amount", { amountMinor: 150_001n }],
    ["withdrawal", { withdrawalId: "w-2" as WithdrawalId }],
  ])("another %s under the same payout is refused", (_, other) => {
    for (const type of ["pend", "post", "void", "reopen"] as const) {
      const decided = decidePayout({ type, payout: { ...payout, ...other } }, pending);
      expect(decided).toMatchObject({ ok: false, refusal: { code: "PAYOUT_MISMATCH" } });
    }
  });
});

/** Of a transfer that was booked once. */
function reversalOf(booked: Transfer): Transfer {
  const reversal = standingOf(booked, 1, false);
  if (reversal === null) throw new Error(`${booked.id} does not stand`);
  return reversal;
}

describe("what the chain takes back and has again", () => {
  test("is booked under a new id each time, and ends in the balances of how it stands", () => {
    const posted = payoutPosted(payout);
    let books: Balances = none;
    const ids: string[] = [];
    for (let changes = 0; changes < 6; changes += 1) {
      const stands = changes % 2 === 0;
      expect(standingOf(posted, changes, !stands)).toBeNull();
      const next = standingOf(posted, changes, stands);
      if (next === null) throw new Error("something was to be booked");
      books = book(books, next);
      ids.push(next.id);
      expect(balanceOf(books, "hot-wallet", "BTC")).toBe(stands ? -150_000n : 0n);
    }
    expect(ids.slice(0, 4)).toEqual([
      ...["payout-posted:w-1", "reversed-payout-posted:w-1"],
      ...["payout-posted.2:w-1", "reversed-payout-posted.2:w-1"],
    ]);
    expect(new Set(ids).size).toBe(6);
  });
});

type Booked = {
  readonly changes: ReadonlyMap<string, number>;
  readonly balances: Balances;
  readonly payouts: ReadonlyMap<string, BookedPayout>;
  readonly ids: readonly string[];
};

const EMPTY: Booked = { changes: new Map(), balances: none, payouts: new Map(), ids: [] };

function apply(books: Booked, command: PayoutCommand): Booked {
  const { payout: one } = command;
  const decided = decidePayout(command, books.payouts.get(one.withdrawalId) ?? null);
  if (!decided.ok) return books;
  const { transfers, reversed, standing } = decided.value;
  const changes = new Map(books.changes);
  const stand = (transfer: Transfer, stands: boolean): Transfer => {
    const before = changes.get(transfer.id) ?? 0;
    changes.set(transfer.id, before + 1);
    const next = standingOf(transfer, before, stands);
    if (next === null) throw new Error(`${transfer.id} was to change how it stands`);
    return next;
  };
  const booked = [...transfers.map((each) => stand(each, true)), ...reversed.map((each) => stand(each, false))];
  return {
    changes,
    balances: booked.reduce(book, books.balances),
    payouts: new Map([...books.payouts, [one.withdrawalId, { ...one, standing }]]),
    ids: [...books.ids, ...booked.map(({ id }) => id)],
  };
}

test("any commands in any order keep every sum at zero, book nothing twice, and match the payouts' standings", () => {
  const commands = fc.array(
    fc.record({
      type: fc.constantFrom("pend" as const, "post" as const, "void" as const, "reopen" as const),
      payout: fc.constantFrom(1, 2, 3, 4).map(
        (n): Payout => ({
          withdrawalId: `w-${n}` as WithdrawalId,
          account: `account-${n % 2}` as AccountId,
          asset: "BTC",
          amountMinor: BigInt(n) * 1_000n,
        }),
      ),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(commands, (sequence) => {
      const books = sequence.reduce(apply, EMPTY);
      expect([...books.balances.values()].reduce((sum, balance) => sum + balance, 0n)).toBe(0n);
      expect(new Set(books.ids).size).toBe(books.ids.length);
      const total = (standing: string) =>
        [...books.payouts.values()].reduce((sum, one) => (one.standing === standing ? sum + one.amountMinor : sum), 0n);
      expect(balanceOf(books.balances, "in-flight", "BTC")).toBe(-total("pending"));
      expect(balanceOf(books.balances, "hot-wallet", "BTC")).toBe(-total("posted"));
    }),
    { numRuns: 1_000 },
  );
});

test("pend and post end in the same books in either order, however often", () => {
  const facts = fc.array(fc.constantFrom("pend" as const, "post" as const), { maxLength: 6 });
  fc.assert(
    fc.property(facts, facts, (before, after) => {
      const types = [...before, "post" as const, ...after];
      const books = types.map((type): PayoutCommand => ({ type, payout })).reduce(apply, EMPTY);
      expect(books.ids).toEqual(["payout-pending:w-1", "payout-posted:w-1"]);
    }),
  );
});
