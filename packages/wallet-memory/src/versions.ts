// All SQL about the versions of a payout: which of them is final, and what becomes of the coins of the others.
import type { Coin } from "@sluice/chains";
import type { Transaction } from "@sluice/postgres";
import { parseOutpoint } from "./coins.ts";

/** Locks all versions of the payout of a transaction, always in one order, so that two that do it do not wait for each other. */
export async function lockVersions(tx: Transaction, transactionId: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from task where payout_id in (select payout_id from task where transaction_id = $1)
     order by planned_at, id for update`,
    [transactionId],
  );
  return rows.map(({ id }) => id);
}

/**
 * Step 11. The task's transaction is final: its coins are gone for good, the payout's reservations with them, and all other
 * versions are superseded. If it was one of those that was final before, a reorganisation has taken it back: what only
 * that one spent is a coin again.
 */
export async function settlePayout(
  tx: Transaction,
  taskId: string,
  transactionId: string,
  height: number,
): Promise<void> {
  await tx.query("update task set block_height = $2 where id = $1", [taskId, height]);
  const { rows } = await tx.query<{ id: string; transactionId: string }>(
    `update task other set state = 'superseded', send_after = 'infinity' from task
     where task.id = $1 and other.payout_id = task.payout_id and other.id <> task.id and other.state <> 'refused'
     returning other.id, other.transaction_id as "transactionId"`,
    [taskId],
  );
  const [ids, transactionIds] = [rows.map(({ id }) => id), rows.map((row) => row.transactionId)];
  await tx.query("update coin set state = 'unspent', spent_by = null where spent_by = any($1)", [transactionIds]);
  await tx.query(
    `update task_input set payout_id = null where payout_id = (select payout_id from task where id = $1)`,
    [taskId],
  );
  await tx.query("delete from reservation where payout_id = (select payout_id from task where id = $1)", [taskId]);
  await tx.query(
    `update coin set state = 'spent', spent_by = $2 from task_input input
     where input.task_id = $1 and coin.outpoint = input.outpoint`,
    [taskId, transactionId],
  );
  // Signatures over these exist: they pay nobody else before this one is so deep that no version of it comes back (lost-coins.ts).
  await tx.query(
    `update coin set tied_to = (select payout_id from task where id = $1) from task_input input
     where input.task_id = any($2) and coin.outpoint = input.outpoint and coin.state = 'unspent'`,
    [taskId, ids],
  );
  await tx.query("delete from bump where payout_id = (select payout_id from task where id = $1)", [taskId]);
}

/** One of a version's coins is another payout's by now: it was given away when the final version was deep enough. */
const GAVE_AWAY = `exists (
  select from task_input given join coin using (outpoint)
  where given.task_id = other.id and (
    exists (select from reservation held where held.outpoint = coin.outpoint and held.payout_id <> other.payout_id)
    or exists (select from task winner where winner.transaction_id = coin.spent_by and winner.payout_id <> other.payout_id)))`;

/**
 * The final version left the best chain: any version may confirm again. Their coins are the payout's as before, in their
 * places, and what was superseded waits as it did; only what gave a coin away stays superseded.
 */
export async function reservePayoutAgain(tx: Transaction, taskId: string): Promise<void> {
  await tx.query(
    `update task other set state = case when other.transaction is null then 'submitted' else 'signed' end, send_after = now()
     from task where task.id = $1 and other.payout_id = task.payout_id and other.state = 'superseded' and not ${GAVE_AWAY}`,
    [taskId],
  );
  await tx.query(
    `update coin set state = 'unspent', spent_by = null
     where spent_by in (select other.transaction_id from task other join task on other.payout_id = task.payout_id
                        where task.id = $1)`,
    [taskId],
  );
  await tx.query(
    `update coin set tied_to = null where tied_to = (select payout_id from task where id = $1) and state = 'unspent'
     and not exists (select from reservation where reservation.outpoint = coin.outpoint)`,
    [taskId],
  );
  const inputs = `from task_input input join task other on other.id = input.task_id
                  join task on task.payout_id = other.payout_id
                  where task.id = $1 and other.state not in ('refused', 'superseded')`;
  await tx.query(
    `insert into reservation (outpoint, payout_id) select distinct input.outpoint, task.payout_id ${inputs}
     on conflict (outpoint) do nothing`,
    [taskId],
  );
  await tx.query(
    `update task_input held set payout_id = wanted.payout_id
     from (select input.task_id, input.outpoint, task.payout_id ${inputs}) as wanted
     where held.task_id = wanted.task_id and held.outpoint = wanted.outpoint`,
    [taskId],
  );
}

/** Coins with all that a plan needs of them, in the order in which they are asked for, whoever has them reserved. */
export async function readCoins(tx: Transaction, outpoints: readonly string[]): Promise<readonly Coin[]> {
  const { rows } = await tx.query<Omit<Coin, "txid" | "vout"> & { outpoint: string }>(
    `select outpoint, amount_sat as "amountSat", branch, path_index as index,
            previous_transaction as "previousTransaction"
     from coin join unnest($1::text[]) with ordinality as wanted (outpoint, number) using (outpoint) order by number`,
    [outpoints],
  );
  return rows.map(({ outpoint, ...coin }) => ({ ...coin, ...parseOutpoint(outpoint) }));
}
