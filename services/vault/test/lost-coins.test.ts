// A coin that only a losing version of a payout spent: tied until the winner is deep, then it helps to pay others, never first.
import { type Coin, outpointOf, planPayout } from "@sluice/chains";
import { transaction } from "@sluice/postgres";
import { DESTINATION, fund } from "@sluice/signing-fixtures";
import { countReplacement, freeCoins, lostCoins, releaseCoins, reserveCoins, upsertCoin } from "@sluice/wallet-memory";
import { expect, it } from "vitest";
import { handleTransactionConfirmed } from "../src/handlers/transaction-confirmed.ts";
import { handleTransactionReorged } from "../src/handlers/transaction-reorged.ts";
import { insertTask } from "../src/store/tasks.ts";
import { plan, poolOf, putCoin, putWithdrawal, signQuickly, usePlanningDatabase, wallet } from "./support/planning.ts";

const database = usePlanningDatabase();
const pool = () => poolOf(database.pools);
const { walletId } = wallet;
const WON_AT = 200;
const [A, X, B] = [fund(wallet, 100_000n, 0), fund(wallet, 60_000n, 1), fund(wallet, 50_000n, 2)] as const;
/** Too small to pay anybody: it only says how high the chain is. */
const tiny = (at: number) => fund(wallet, 600n, at);

type Chain = typeof handleTransactionConfirmed | typeof handleTransactionReorged;
const tell = (handler: Chain, transactionId: string, revision: number, height = WON_AT) =>
  transaction(pool(), (tx) => handler(tx, { message: { transactionId, revision, height } } as never));
const seen = (coin: Coin, height: number) => transaction(pool(), (tx) => upsertCoin(tx, walletId, coin, height, true));
const lost = () => transaction(pool(), async (tx) => (await lostCoins(tx, walletId, 100)).map(outpointOf));
const free = () => transaction(pool(), async (tx) => (await freeCoins(tx, walletId, [])).map(outpointOf));
const rows = async (sql: string, values: readonly unknown[] = []) =>
  (await pool().query<Record<string, unknown>>(sql, values)).rows;
const inputsOf = async (taskId: string) =>
  (await rows("select outpoint from task_input where task_id = $1 order by position", [taskId])).map(
    (row) => row["outpoint"],
  );

async function planned() {
  const outcome = await plan(pool());
  if (outcome.kind !== "planned")
    throw new Error(JSON.stringify([...(outcome.kind === "waiting" ? outcome.codes : [])]));
  return outcome;
}

/** w-1 is paid from A, replaced by a version that adds X, and paid by the original all the same. */
async function originalWins() {
  await putCoin(pool(), A);
  await putWithdrawal(pool(), { id: "w-1", amountSat: 90_000n });
  const original = await planned();
  await transaction(pool(), (tx) => signQuickly(tx, original.taskId));
  await putCoin(pool(), X);
  const made = planPayout({
    ...{ wallet: wallet.descriptor, coins: [A, X], requiredOutpoints: [A, X].map(outpointOf), changeIndex: 9 },
    ...{ payments: [{ withdrawalId: "w-1", address: DESTINATION, amountSat: 90_000n }], feeRateSatPerVbyte: 20 },
  });
  if (!made.ok) throw new Error(made.refusal.detail);
  const { txid: transactionId, psbt, feeSat, vbytes, changeSat } = made.value;
  await transaction(pool(), async (tx) => {
    const withdrawals = await countReplacement(tx, walletId, ["w-1"]);
    const task = { taskId: "added", walletId, transactionId, psbt, feeSat, vbytes, changeSat: changeSat ?? 0n };
    await insertTask(tx, { ...task, withdrawals, replaces: original.taskId, reason: null });
    await reserveCoins(tx, "added", [A, X].map(outpointOf));
    await signQuickly(tx, "added");
  });
  await tell(handleTransactionConfirmed, original.transactionId, 1);
  expect(
    await rows("select tied_to is not null as tied, state from coin where outpoint = $1", [outpointOf(X)]),
  ).toEqual([{ tied: true, state: "unspent" }]);
  await putCoin(pool(), B);
  return { original, addedTransactionId: transactionId };
}

it("is tied until so many blocks lie above the winner, and pays others then, beside an anchor that is not shared", async () => {
  const { original, addedTransactionId } = await originalWins();
  await putWithdrawal(pool(), { id: "w-2", amountSat: 95_000n });
  await seen(tiny(20), WON_AT + 99);
  expect([await free(), await lost()]).toEqual([expect.not.arrayContaining([outpointOf(X)]), []]);
  expect(await plan(pool())).toMatchObject({ kind: "waiting", codes: new Map([["w-2", "INSUFFICIENT_FUNDS"]]) });
  const high = tiny(21);
  await seen(high, WON_AT + 100);
  // What was seen higher and is in the best chain no more says nothing.
  await pool().query("insert into coin_sighting values ($1, false, 7)", [outpointOf(high)]);
  expect(await lost()).toEqual([]);
  await pool().query("delete from coin_sighting");
  expect(await lost()).toEqual([outpointOf(X)]);
  // It helps out only, so that nothing else ever counts on it.
  expect(await free()).not.toContain(outpointOf(X));

  const other = await planned();
  const [anchor, ...more] = await inputsOf(other.taskId);
  expect(anchor).toBe(outpointOf(B));
  expect(more).toContain(outpointOf(X));
  expect(await lost()).toEqual([]);
  await transaction(pool(), (tx) => signQuickly(tx, other.taskId));

  // Deeper than any fork that is followed: the original alone comes back, what gave its coin away does not.
  await tell(handleTransactionReorged, original.transactionId, 2);
  expect(
    await rows("select state from task where id in ($1, 'added', $2) order by planned_at", [
      original.taskId,
      other.taskId,
    ]),
  ).toEqual([{ state: "signed" }, { state: "superseded" }, { state: "signed" }]);
  const holders = "select outpoint from reservation where payout_id = $1 order by outpoint";
  expect(await rows(holders, [original.taskId])).toEqual([{ outpoint: outpointOf(A) }]);
  expect((await rows(holders, [other.taskId])).map((row) => row["outpoint"])).toContain(outpointOf(X));
  await tell(handleTransactionConfirmed, original.transactionId, 3);
  await tell(handleTransactionConfirmed, other.transactionId, 4, WON_AT + 101);
  const spent = "select spent_by as by from coin where outpoint = $1";
  expect(await rows(spent, [outpointOf(X)])).toEqual([{ by: other.transactionId }]);
  expect(await rows("select from reservation")).toEqual([]);
  expect(addedTransactionId).not.toBe(other.transactionId);
});

it("is given back when its payout is refused, and is left alone for good where it was refused itself", async () => {
  await originalWins();
  await seen(tiny(21), WON_AT + 100);
  for (const [at, code] of ["DESTINATION_LABELLED", "INPUT_IN_USE"].entries()) {
    await putWithdrawal(pool(), { id: `w-${at + 2}`, amountSat: 95_000n });
    const { taskId } = await planned();
    expect(await lost()).toEqual([]);
    await transaction(pool(), async (tx) => {
      await tx.query("update task set state = 'refused', code = $2 where id = $1", [taskId, code]);
      await releaseCoins(tx, taskId);
    });
    expect(await lost()).toEqual(code === "INPUT_IN_USE" ? [] : [outpointOf(X)]);
  }
});

it("stays tied while one transaction that was signed with it could still confirm", async () => {
  const { original } = await originalWins();
  await seen(tiny(21), WON_AT + 100);
  await tell(handleTransactionReorged, original.transactionId, 2);
  expect(await lost()).toEqual([]);
  await tell(handleTransactionConfirmed, original.transactionId, 3, WON_AT + 1);
  expect(await lost()).toEqual([]);
  await seen(tiny(22), WON_AT + 101);
  expect(await lost()).toEqual([outpointOf(X)]);
  // Another payout that a person had planned again, since it may be signed: nothing of it is final.
  await pool().query(
    `insert into task (id, wallet_id, transaction_id, psbt, fee_sat, change_sat, state, payout_id)
     values ('maybe', $1, 'maybe', '', 1, 0, 'refused', 'maybe')`,
    [walletId],
  );
  await pool().query("insert into task_input (task_id, outpoint, position) values ('maybe', $1, 0)", [outpointOf(X)]);
  expect(await lost()).toEqual([outpointOf(X)]);
  await pool().query("insert into task_decision (task_id, said_by, reason) values ('maybe', 'a', 'b')");
  expect(await lost()).toEqual([]);
});
