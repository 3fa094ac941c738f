// All SQL about what people say: that a withdrawal has failed, and what becomes of a task that waits for a person.
import type { TaskState } from "@sluice/planning";
import type { Queryable, Transaction } from "@sluice/postgres";
import { releaseCoins } from "./coins.ts";
import { storable } from "./storable.ts";

export type FailedWithdrawal = {
  readonly withdrawalId: string;
  /** Ours, of which others have spent inputs: one that pays it, or one whose change that one spends. */
  readonly transactionId: string;
  /** What others have spent in blocks, and by what. */
  readonly spent: readonly { readonly outpoint: string; readonly transactionId: string }[];
};

/**
 * The withdrawal is never planned again. Once that is so of all that a payout pays, its versions are over and its
 * reservations go: what others have spent is spent, and what is left stays tied, since signatures over it exist and the
 * semi-offline zone gives it to no other payout. "alive": a version spends nothing of what is said to be spent.
 */
export async function failWithdrawal(
  tx: Transaction,
  { withdrawalId, transactionId, spent }: FailedWithdrawal,
): Promise<"failed" | "known" | "paid" | "unknown" | "alive"> {
  const { rows: versions } = await tx.query<{ id: string; payoutId: string; dead: boolean }>(
    `select id, payout_id as "payoutId", state = 'refused' or exists (
         select from task_input input where input.task_id = task.id
         and (input.outpoint = any($2) or split_part(input.outpoint, ':', 1) = $3)) as dead
     from task where payout_id in (select payout_id from task_withdrawal paid join task on task.id = paid.task_id
                                   where paid.withdrawal_id = $1)
     order by planned_at, id for update`,
    [withdrawalId, spent.map(({ outpoint }) => outpoint), transactionId],
  );
  const { rows } = await tx.query<{ state: string }>("select state from withdrawal where id = $1 for update", [
    withdrawalId,
  ]);
  const state = rows[0]?.state;
  if (state === undefined) return "unknown";
  if (state === "failed") return "known";
  if (state === "confirmed") return "paid";
  if (versions.some(({ dead }) => !dead)) return "alive";
  await tx.query("update withdrawal set state = 'failed', waiting_code = null where id = $1", [withdrawalId]);
  const payoutIds = [...new Set(versions.map(({ payoutId }) => payoutId))];
  // What is over is not bumped, whatever else it would have paid.
  await tx.query("delete from bump where payout_id = any($1)", [payoutIds]);
  const over = await tx.query<{ id: string }>(
    `select distinct payout_id as id from task where payout_id = any($1) and state <> 'refused' and not exists (
       select from task other join task_withdrawal paid on paid.task_id = other.id
         join withdrawal on withdrawal.id = paid.withdrawal_id
       where other.payout_id = task.payout_id and other.state <> 'refused' and withdrawal.state <> 'failed')`,
    [payoutIds],
  );
  await endPayouts(
    tx,
    over.rows.map(({ id }) => id),
    spent,
  );
  return "failed";
}

async function endPayouts(
  tx: Transaction,
  payoutIds: readonly string[],
  spent: FailedWithdrawal["spent"],
): Promise<void> {
  await tx.query(
    `update task set state = 'superseded', code = 'FAILED', send_after = 'infinity'
     where payout_id = any($1) and state <> 'refused'`,
    [payoutIds],
  );
  await tx.query("update task_input set payout_id = null where payout_id = any($1)", [payoutIds]);
  await tx.query("delete from reservation where payout_id = any($1)", [payoutIds]);
  await tx.query(
    `update coin set state = 'spent', spent_by = taken.txid from unnest($1::text[], $2::text[]) as taken (outpoint, txid)
     where coin.outpoint = taken.outpoint and coin.state = 'unspent'`,
    [spent.map(({ outpoint }) => outpoint), spent.map(({ transactionId }) => transactionId)],
  );
  await tx.query(
    `update coin set tied_to = task.payout_id from task_input input join task on task.id = input.task_id
     where task.payout_id = any($1) and task.state <> 'refused' and coin.outpoint = input.outpoint
       and coin.state = 'unspent'`,
    [payoutIds],
  );
}

export type Said = { readonly by: string; readonly reason: string };

export type PeopleRefusal = {
  readonly code: "TASK_UNKNOWN" | "TASK_NOT_STUCK" | "WITHDRAWAL_NOT_STUCK";
  readonly detail: string;
};

/**
 * What a task that waits for a person was to pay goes into another transaction. That has to spend the anchor, and so conflicts with
 * whatever may have been signed: at most one of the two can confirm. Of the task's coins only the anchor is free for it; signatures
 * over the others may exist. A version of something that is signed was only a try: what it was to replace stays as it is.
 * Null when it is done.
 */
export async function planStuckAgain(tx: Transaction, taskId: string, said: Said): Promise<PeopleRefusal | null> {
  const { rows } = await tx.query<{ state: TaskState; code: string | null; replaces: string | null }>(
    "select state, code, replaces from task where id = $1 for update",
    [taskId],
  );
  const [task] = rows;
  if (task === undefined) return { code: "TASK_UNKNOWN", detail: `${taskId} is not known here` };
  if (task.state !== "stuck_for_person") return { code: "TASK_NOT_STUCK", detail: `it is ${task.state}` };
  await tx.query("insert into task_decision (task_id, code, said_by, reason) values ($1, $2, $3, $4)", [
    ...[taskId, task.code, storable(said.by), storable(said.reason)],
  ]);
  await tx.query("update task set state = 'refused' where id = $1", [taskId]);
  await tx.query("update task_withdrawal set live = false where task_id = $1", [taskId]);
  await releaseCoins(tx, taskId);
  await tx.query(
    `update coin set tied_to = task.payout_id from task_input input join task on task.id = input.task_id
     where task.id = $1 and coin.outpoint = input.outpoint and coin.state = 'unspent'
       and not exists (select from reservation where reservation.outpoint = coin.outpoint)
       and not exists (select from task_withdrawal paid join withdrawal on withdrawal.id = paid.withdrawal_id
                       where paid.task_id = $1 and withdrawal.anchor = coin.outpoint)`,
    [taskId],
  );
  if (task.replaces !== null) return null;
  await tx.query(
    `update withdrawal set state = 'cleared', waiting_code = 'PLANNED_AGAIN', plan_after = now()
     where state = 'planned' and id in (select withdrawal_id from task_withdrawal where task_id = $1)`,
    [taskId],
  );
  return null;
}

/** One that was refused too often is tried again, because a person has found the cause. Null when it is done. */
export async function tryAgain(
  tx: Transaction,
  withdrawalId: string,
  { by, reason }: Said,
): Promise<PeopleRefusal | null> {
  const { rowCount } = await tx.query(
    `with again as (
       update withdrawal set plan_after = now(), waiting_code = 'PLANNED_AGAIN'
       where id = $1 and state = 'cleared' and plan_after = 'infinity' returning id
     )
     insert into task_decision (task_id, code, said_by, reason)
     select task_id, 'REFUSED_TOO_OFTEN', $2, $3 from task_withdrawal paid join again on again.id = paid.withdrawal_id
     order by attempt desc limit 1`,
    [withdrawalId, storable(by), storable(reason)],
  );
  if (rowCount === 1) return null;
  return { code: "WITHDRAWAL_NOT_STUCK", detail: `${withdrawalId} does not wait for a person` };
}

export type TaskDecisionRow = {
  readonly taskId: string;
  readonly code: string | null;
  readonly by: string;
  readonly reason: string;
  readonly decidedAt: Date;
};

export async function listTaskDecisions(database: Queryable, limit: number): Promise<readonly TaskDecisionRow[]> {
  const { rows } = await database.query<TaskDecisionRow>(
    `select task_id as "taskId", code, said_by as by, reason, decided_at as "decidedAt"
     from task_decision order by decided_at desc, task_id limit $1`,
    [limit],
  );
  return rows;
}
