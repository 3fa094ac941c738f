// The ledger on a real server: what may not be written is not, and the order of news does not matter.
import { type AccountId, balanceKey, deposited, payoutPending, type WithdrawalId } from "@sluice/core";
import { sqlState, transaction } from "@sluice/postgres";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readReconciliation } from "../src/routes.ts";
import {
  bookTransfer,
  chainBalanceSat,
  listNewestPayouts,
  listNewestTransfers,
  listPaidTwice,
  listTransfers,
} from "../src/store.ts";
import { type Books, balances, openBooks, take } from "./books.ts";
import {
  changeSatOf,
  cleared,
  confirmed,
  newTxid,
  observed,
  reorged,
  signed,
  type TestTransaction,
  type Told,
  taken,
  vanished,
} from "./messages.ts";

let books: Books;
beforeAll(async () => {
  books = await openBooks();
});
afterAll(() => books.close());

describe("the tables", () => {
  const entry = (account: string, sat: number, position: number) =>
    `insert into ledger_entry values ('t', ${position}, '${account}', 'BTC', ${sat})`;
  const header = "insert into ledger_transfer (id, kind) values ('t', 'deposited')";

  it.each([
    ["a transfer that does not sum to zero", [header, entry("a", 5, 0), entry("b", -4, 1)]],
    ["a transfer with one entry", [header, entry("a", 5, 0)]],
    ["a transfer without entries", [header]],
    [
      "sums that only agree across assets",
      [header, entry("a", 5, 0), "insert into ledger_entry values ('t', 1, 'b', 'ETH', -5)"],
    ],
  ])("refuse %s", async (_, statements) => {
    const state = await transaction(books.pool, async (tx) => {
      for (const sql of statements) await tx.query(sql);
    }).then(() => "stored", sqlState);
    expect(state).toBe("23514");
  });

  it.each([
    "update ledger_entry set amount_minor = amount_minor + 1",
    "update ledger_transfer set kind = 'deposited'",
    "delete from ledger_entry",
    "delete from ledger_transfer",
    "truncate ledger_entry",
    "truncate ledger_transfer cascade",
  ])("refuse to %s", async (sql) => {
    await transaction(books.pool, (tx) => bookTransfer(tx, deposited("kept", "hot-float" as AccountId, "BTC", 7n)));
    await expect(books.pool.query(sql)).rejects.toMatchObject({ code: "42501" });
  });

  it("refuse a third entry beside a transfer that is booked", async () => {
    await transaction(books.pool, (tx) => bookTransfer(tx, deposited("whole", "hot-float" as AccountId, "BTC", 7n)));
    const late = "insert into ledger_entry values ('deposited:whole', 2, 'mallory', 'BTC', -1)";
    expect(await books.pool.query(late).then(() => "stored", sqlState)).toBe("23514");
  });
});

describe("a transfer", () => {
  it("is booked once, however often it is booked", async () => {
    const account = "twice" as AccountId;
    const pending = payoutPending({ withdrawalId: "w-twice" as WithdrawalId, account, asset: "BTC", amountMinor: 9n });
    for (const _ of [1, 2, 3]) await transaction(books.pool, (tx) => bookTransfer(tx, pending));
    expect((await balances(books.pool)).get(balanceKey("customer:twice", "BTC"))).toBe(9n);
  });

  it("and its repetition at the same moment are one", async () => {
    const same = deposited("at-once", "at-once" as AccountId, "BTC", 5n);
    await Promise.all([1, 2, 3, 4].map(() => transaction(books.pool, (tx) => bookTransfer(tx, same))));
    expect((await balances(books.pool)).get(balanceKey("customer:at-once", "BTC"))).toBe(-5n);
  });
});

describe("a payout that two transactions would pay", () => {
  const tell = (told: Told) => transaction(books.pool, (tx) => take(tx, told));

  it("is posted by the one that confirms; a second one that is final as well is an alarm", async () => {
    const payouts = [{ withdrawalId: "w-replaced", account: "carol", amountSat: 1_000n }];
    const coin = { txid: newTxid(), vout: 0, amountSat: 5_000n };
    const first: TestTransaction = { txid: newTxid(), payouts, spent: [coin], feeSat: 100n };
    const second: TestTransaction = { ...first, txid: newTxid(), feeSat: 300n };
    await tell(signed(first));
    await tell(signed(second));
    await tell(confirmed(first));
    expect((await balances(books.pool)).get(balanceKey("customer:carol", "BTC"))).toBe(1_000n);
    expect(await payout("w-replaced")).toMatchObject({ standing: "posted", txid: first.txid });
    expect(await listPaidTwice(books.pool)).toEqual([]);
    await tell(confirmed(second, 9));
    expect(await listPaidTwice(books.pool)).toEqual(["w-replaced"]);
    expect(await payout("w-replaced")).toMatchObject({ standing: "posted", txid: first.txid });
    expect((await balances(books.pool)).get(balanceKey("customer:carol", "BTC"))).toBe(1_000n);
    // It was no alarm: the first had been reorganised away, and that was heard of late.
    await tell(reorged(first, 8));
    expect(await listPaidTwice(books.pool)).toEqual([]);
    expect(await payout("w-replaced")).toMatchObject({ standing: "posted", txid: second.txid });
    expect((await balances(books.pool)).get(balanceKey("customer:carol", "BTC"))).toBe(1_000n);
    expect((await balances(books.pool)).get(balanceKey("network-fees", "BTC"))).toBe(300n);
    const other = { ...first, txid: newTxid(), payouts: [{ ...payouts[0], amountSat: 2_000n }] } as TestTransaction;
    await expect(tell(signed(other))).rejects.toMatchObject({ code: "PAYOUT_MISMATCH" });
  });
});

describe("what the chain takes back", () => {
  it("is booked back by transfers of its own, payout, fee and charge, and booked again when it is final again", async () => {
    const own = await openBooks();
    try {
      const tell = (told: Told) => transaction(own.pool, (tx) => take(tx, told));
      const coin = { txid: newTxid(), vout: 0, amountSat: 5_000n };
      const payouts = [{ withdrawalId: "w-back", account: "dave", amountSat: 1_000n }];
      const paid: TestTransaction = { txid: newTxid(), payouts, spent: [coin], feeSat: 100n };
      await tell(observed(coin, 0, 100, 1));
      await tell(cleared("w-back", 70n));
      await tell(signed(paid));
      const pending = await balances(own.pool);
      await tell(confirmed(paid, 5));
      const posted = await balances(own.pool);
      await tell(reorged(paid, 6));
      expect(await balances(own.pool)).toEqual(pending);
      expect(await listNewestPayouts(own.pool, 1)).toMatchObject([{ standing: "pending" }]);
      await tell(confirmed(paid, 7));
      await tell(confirmed(paid, 8));
      expect(await balances(own.pool)).toEqual(posted);
      expect((await listTransfers(own.pool, "w-back")).map(({ id }) => id).toSorted()).toEqual([
        ...["payout-pending:w-back", "payout-posted.2:w-back", "payout-posted:w-back"],
        ...["reversed-payout-posted:w-back", "reversed-withdrawal-fee:w-back"],
        ...["withdrawal-fee.2:w-back", "withdrawal-fee:w-back"],
      ]);
      expect((await listTransfers(own.pool, paid.txid)).map(({ kind }) => kind).toSorted()).toEqual([
        ...["network-fee", "network-fee", "reversed"],
      ]);
    } finally {
      await own.close();
    }
  });
});

describe("any order of any number of repetitions", () => {
  it("ends in the balances that the transactions themselves say, in step with the chain, every transfer at zero", async () => {
    let repeated = 0;
    let unsettled = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ transactions, final, shuffles, seed }) => {
        const told = messagesOf(transactions, final);
        const order = [...shuffle(told, seed), ...shuffle(told, seed + 1).slice(0, shuffles)];
        repeated += shuffles;
        if (!final.every(Boolean)) unsettled += 1;
        await withoutTrace(async (tx) => {
          for (const each of order) await take(tx, each);
          await tx.query("set constraints all immediate");
          expect(await balances(tx)).toEqual(expectedBalances(transactions, final));
          const found = [...(await balances(tx)).values()].reduce((sum, sat) => sum + sat, 0n);
          expect(found).toBe(0n);
          if (final.every(Boolean)) {
            const hot = (await balances(tx)).get(balanceKey("hot-wallet", "BTC")) ?? 0n;
            expect(hot).toBe(await chainBalanceSat(tx));
          }
          const standings = await listNewestPayouts(tx, 100);
          const paid = transactions.flatMap(({ payouts }, at) => payouts.map(() => (final[at] ? "posted" : "pending")));
          expect(standings.map(({ standing }) => standing).toSorted()).toEqual(paid.toSorted());
        });
      }),
      { numRuns: 30 },
    );
    process.stdout.write(`ledger: ${repeated} messages came again, ${unsettled} of 30 runs ended unsettled\n`);
    expect(repeated).toBeGreaterThan(30);
    expect(unsettled).toBeGreaterThan(0);
  });
});

describe("what a person reads", () => {
  it("names the drift and the newest transfers", async () => {
    const { ledgerSat, chainSat, driftSat } = await readReconciliation(books.pool);
    expect(driftSat).toBe(ledgerSat - chainSat);
    const [newest] = await listNewestTransfers(books.pool, 1);
    expect(newest?.entries).toHaveLength(2);
  });
});

const sat = fc.bigInt(1n, 1_000_000n);
const scenario = fc
  .array(
    fc.record({ amounts: fc.array(sat, { minLength: 1, maxLength: 3 }), feeSat: sat, restSat: fc.bigInt(0n, 1_000n) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .chain((shapes) =>
    fc.record({
      transactions: fc.constant(
        shapes.map(({ amounts, feeSat, restSat }, at) => transactionOf(at, amounts, feeSat, restSat)),
      ),
      final: fc.tuple(...shapes.map(() => fc.boolean())),
      shuffles: fc.nat(8),
      seed: fc.nat(),
    }),
  );

/** Each spends one coin that came from outside. */
function transactionOf(at: number, amounts: readonly bigint[], feeSat: bigint, restSat: bigint): TestTransaction {
  const payouts = amounts.map((amountSat, number) => ({
    withdrawalId: `w-${at}-${number}`,
    account: `c-${number}`,
    amountSat,
  }));
  const amountSat = amounts.reduce((sum, amount) => sum + amount, feeSat + restSat);
  return { txid: newTxid(), payouts, spent: [{ txid: newTxid(), vout: at, amountSat }], feeSat };
}

/** Every second customer of a transaction pays the fee that was quoted. */
const quoteOf = (number: number) => (number % 2 === 1 ? BigInt(100 + number) : 0n);

/**
 * Every coin in two blocks, gone in between, and one beside each that never comes back; every transaction with its quotes,
 * final once and taken back, and for the final ones their confirmation and their change on the new chain.
 */
function messagesOf(transactions: readonly TestTransaction[], final: readonly boolean[]): readonly Told[] {
  return transactions.flatMap((each, at) => {
    const changeSat = changeSatOf(each);
    const change = { txid: each.txid, vout: 9, amountSat: changeSat };
    return [
      ...each.spent.flatMap((coin) => [observed(coin, 0, 100, 1), vanished(coin, 0, 2), observed(coin, 0, 101, 3)]),
      ...each.spent.flatMap((coin) => [
        observed({ ...coin, vout: 7 }, 0, 100, 1),
        vanished({ ...coin, vout: 7 }, 0, 2),
      ]),
      signed(each),
      ...each.payouts.map(({ withdrawalId }, number) => cleared(withdrawalId, quoteOf(number))),
      ...[confirmed(each, 1), reorged(each, 2), ...(final[at] ? [confirmed(each, 3)] : [])],
      ...(changeSat > 0n ? [observed(change, 1, 100, 1), vanished(change, 1, 2)] : []),
      ...(final[at] && changeSat > 0n ? [observed(change, 1, 101, 3)] : []),
    ];
  });
}

function expectedBalances(
  transactions: readonly TestTransaction[],
  final: readonly boolean[],
): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  const add = (account: Parameters<typeof balanceKey>[0], amount: bigint) =>
    sums.set(balanceKey(account, "BTC"), (sums.get(balanceKey(account, "BTC")) ?? 0n) + amount);
  for (const [at, { payouts, spent, feeSat }] of transactions.entries()) {
    for (const { amountSat } of spent) {
      add("hot-wallet", amountSat);
      add("customer:hot-float", -amountSat);
    }
    for (const [number, { account, amountSat }] of payouts.entries()) {
      add(`customer:${account}`, amountSat + (final[at] ? quoteOf(number) : 0n));
      if (final[at]) add("withdrawal-fees", -quoteOf(number));
      add(final[at] ? "hot-wallet" : "in-flight", -amountSat);
    }
    if (final[at]) {
      add("network-fees", feeSat);
      add("hot-wallet", -feeSat);
    }
  }
  return new Map([...sums].filter(([, amount]) => amount !== 0n));
}

/** A repeatable order. */
function shuffle<T>(items: readonly T[], seed: number): readonly T[] {
  const shuffled = [...items];
  let state = seed + 1;
  for (let at = shuffled.length - 1; at > 0; at -= 1) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const other = state % (at + 1);
    [shuffled[at], shuffled[other]] = [shuffled[other] as T, shuffled[at] as T];
  }
  return shuffled;
}

/** In a transaction that is undone, on empty books: the ledger itself could never be emptied. */
async function withoutTrace(work: (tx: Parameters<typeof take>[0]) => Promise<void>): Promise<void> {
  const undo = new Error("undone");
  await expect(
    transaction(empty.pool, async (tx) => {
      await work(tx);
      throw undo;
    }),
  ).rejects.toBe(undo);
}

let empty: Books;
beforeAll(async () => {
  empty = await openBooks();
});
afterAll(() => empty.close());

async function payout(withdrawalId: string) {
  return (await listNewestPayouts(books.pool, 100)).find((each) => each.withdrawalId === withdrawalId);
}

describe("a quote and a confirmation", () => {
  it("charge nothing that no backend has asked for, whoever sealed it", async () => {
    const forged = transaction(books.pool, (tx) => take(tx, cleared("w-forged", 30n, true)));
    await expect(forged).rejects.toMatchObject({ code: "REQUEST_DIGEST_MISMATCH", action: "park" });
  });

  it("that are handled at the same moment charge the customer once", async () => {
    for (let round = 0; round < 10; round += 1) {
      const payouts = [{ withdrawalId: `w-charge-${round}`, account: "dora", amountSat: 1_000n }];
      const spent = [{ txid: newTxid(), vout: 0, amountSat: 5_000n }];
      const paid: TestTransaction = { txid: newTxid(), payouts, spent, feeSat: 100n };
      await transaction(books.pool, (tx) => take(tx, signed(paid)));
      const both = [cleared(`w-charge-${round}`, 30n), confirmed(paid)];
      await Promise.all(both.map((told) => transaction(books.pool, (tx) => take(tx, told))));
    }
    expect((await balances(books.pool)).get(balanceKey("withdrawal-fees", "BTC"))).toBe(-300n);
    expect((await balances(books.pool)).get(balanceKey("customer:dora", "BTC"))).toBe(10_300n);
  });
});

it("drifts by what a stranger took while that is in a block, and by nothing that is our own", async () => {
  const coin = { txid: newTxid(), vout: 0, amountSat: 70_000n };
  const payout = { withdrawalId: `w-${newTxid().slice(0, 8)}`, account: "alice", amountSat: 10_000n };
  const pays = { txid: newTxid(), payouts: [payout], spent: [coin], feeSat: 500n };
  const thief = newTxid();
  const drift = async (...told: readonly Told[]) => {
    for (const one of told) await transaction(books.pool, (tx) => take(tx, one));
    return (await readReconciliation(books.pool)).driftSat;
  };
  const before = BigInt(await drift(observed(coin, 0)));
  const since = async (...told: readonly Told[]) => BigInt(await drift(...told)) - before;
  expect(await since(taken(coin, thief, true, 3))).toBe(70_000n);
  expect(await since(taken(coin, thief, false, 5))).toBe(0n);
  expect(await since(taken(coin, thief, true, 4))).toBe(0n);
  // The gateway may know fewer of ours than we do.
  expect(await since(signed(pays), taken(coin, pays.txid, true, 6))).toBe(0n);
});
