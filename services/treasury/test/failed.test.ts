// A withdrawal that has failed is owed to the customer again, whatever order the news comes in, and only with its proof.
import { transaction } from "@sluice/postgres";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { listTransfers } from "../src/store.ts";
import { type Books, balances, openBooks, take } from "./books.ts";
import {
  cleared,
  confirmed,
  failed,
  newTxid,
  observed,
  reorged,
  signed,
  type TestTransaction,
  type Told,
} from "./messages.ts";

let books: Books;
beforeAll(async () => {
  books = await openBooks();
});
afterAll(() => books.close());

const tell = (told: Told) => transaction(books.pool, (tx) => take(tx, told));
let number = 0;
let paid: TestTransaction;
const names = () => paid.payouts.map(({ withdrawalId }) => withdrawalId);

beforeEach(() => {
  number += 1;
  const payouts = ["a", "b"].map((name) => ({
    withdrawalId: `w-${number}${name}`,
    account: `acc-${number}${name}`,
    amountSat: 1_000n,
  }));
  paid = { txid: newTxid(), payouts, spent: [{ txid: newTxid(), vout: 0, amountSat: 5_000n }], feeSat: 100n };
});

async function standings() {
  const { rows } = await books.pool.query<{ standing: string }>(
    "select standing from payout where withdrawal_id = any($1) order by withdrawal_id",
    [names()],
  );
  return rows.map(({ standing }) => standing);
}

it.each([
  ["as it happens", [0, 1, 2, 3]],
  ["failed heard of first", [3, 2, 0, 1]],
  ["everything twice", [0, 1, 1, 2, 2, 0, 3, 3, 2]],
])("%s: nothing is on its way, nothing was charged, and the customers are owed what they were", async (_, order) => {
  const before = await balances(books.pool);
  const [first, second] = failed(paid);
  const told = [cleared(names()[0] ?? "", 70n), signed(paid), first, second];
  for (const at of order) {
    const each = told[at];
    if (each !== undefined) await tell(each);
  }
  expect(await standings()).toEqual(["voided", "voided"]);
  expect(await balances(books.pool)).toEqual(before);
  expect((await listTransfers(books.pool, names()[0] ?? "")).map(({ kind }) => kind).toSorted()).toEqual([
    "payout-pending",
    "payout-voided",
  ]);
});

it("one of two companions alone is booked back; the other is on its way as before", async () => {
  await tell(signed(paid));
  const [first] = failed(paid);
  if (first === undefined) throw new Error("there are two");
  await tell(first);
  expect(await standings()).toEqual(["voided", "pending"]);
});

it("is refused without its proof, and once it was paid; what was failed and is paid all the same is an alarm", async () => {
  for (const coin of paid.spent) await tell(observed(coin, 0, 100, 1_000 + number));
  await tell(signed(paid));
  for (const forged of failed(paid, true))
    await expect(tell(forged)).rejects.toMatchObject({ code: "REQUESTS_OF_ONE_KEY" });
  expect(await standings()).toEqual(["pending", "pending"]);
  const [first, second] = failed(paid);
  if (first === undefined || second === undefined) throw new Error("there are two");
  await tell(confirmed(paid, 5));
  await expect(tell(first)).rejects.toMatchObject({ code: "PAYOUT_ALREADY_POSTED", action: "park" });
  await tell(reorged(paid, 6));
  await tell(first);
  await tell(second);
  expect(await standings()).toEqual(["voided", "voided"]);
  await expect(tell(confirmed(paid, 7))).rejects.toMatchObject({ code: "PAYOUT_ALREADY_VOIDED", action: "park" });
});
