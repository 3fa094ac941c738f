// All SQL about signature tasks and what they pay.

import type { TaskView } from "@sluice/planning";
import type { Queryable, Transaction } from "@sluice/postgres";
import { releaseCoins, storable } from "@sluice/wallet-memory";

export type NewTask = {
  readonly taskId: string;
  readonly walletId: string;
  readonly transactionId: string;
  readonly psbt: Uint8Array;
  readonly feeSat: bigint;
  readonly changeSat: bigint;
  readonly vbytes: number;
  /** In the order of the payments; empty for an internal transfer. */
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[];
  /** The version of the same payout that it is to take the place of. */
  readonly replaces: string | null;
  /** Of an internal transfer, why it is made. */
  readonly reason: string | null;
};

/** Fails when one of the withdrawals is in a live task already that this one does not replace. */
export async function insertTask(tx: Transaction, task: NewTask): Promise<void> {
  const { taskId, walletId, transactionId, psbt, feeSat, changeSat, vbytes, replaces, reason } = task;
  await tx.query(
    `insert into task (id, wallet_id, transaction_id, psbt, fee_sat, change_sat, vbytes, replaces, payout_id, purpose, reason)
     values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce((select payout_id from task where id = $8), $1), $9, $10)`,
    [
      ...[taskId, walletId, transactionId, psbt, feeSat, changeSat, vbytes, replaces],
      ...[reason === null ? "" : "internal", reason],
    ],
  );
  await tx.query(
    `insert into task_withdrawal (task_id, withdrawal_id, attempt, position, replaces)
     select $1, id, attempt, number - 1, $4
     from unnest($2::text[], $3::integer[]) with ordinality as paid (id, attempt, number)`,
    [
      taskId,
      task.withdrawals.map(({ withdrawalId }) => withdrawalId),
      task.withdrawals.map(({ attempt }) => attempt),
      replaces,
    ],
  );
}

export type PaidWithdrawal = {
  readonly withdrawalId: string;
  readonly attempt: number;
  readonly account: string;
  readonly address: string;
  readonly amountSat: bigint;
};

export type LoadedTask = Omit<TaskView, "withdrawals"> & {
  readonly walletId: string;
  readonly feeSat: bigint;
  readonly changeSat: bigint;
  readonly replacesTransaction: string | null;
  readonly withdrawals: readonly PaidWithdrawal[];
};

const TASK_COLUMNS = `id as "taskId", wallet_id as "walletId", transaction_id as "transactionId", psbt, state,
  fee_sat as "feeSat", change_sat as "changeSat", replaces, purpose,
  (select replaced.transaction_id from task replaced where replaced.id = task.replaces) as "replacesTransaction"`;

/** Locks the task until the transaction ends, so that one verdict about it follows the other. */
export function lockTask(tx: Transaction, taskId: string): Promise<LoadedTask | null> {
  return loadTask(tx, `select ${TASK_COLUMNS} from task where id = $1 for update`, taskId);
}

/** The task of a transaction; of those that planned the same bytes, the one that was not refused. */
export function lockTaskOfTransaction(tx: Transaction, transactionId: string): Promise<LoadedTask | null> {
  const order = "order by state = 'refused', planned_at desc limit 1";
  return loadTask(tx, `select ${TASK_COLUMNS} from task where transaction_id = $1 ${order} for update`, transactionId);
}

async function loadTask(tx: Transaction, sql: string, parameter: string): Promise<LoadedTask | null> {
  const { rows } = await tx.query<Omit<LoadedTask, "withdrawals">>(sql, [parameter]);
  const [task] = rows;
  if (task === undefined) return null;
  const paid = await tx.query<PaidWithdrawal>(
    `select withdrawal.id as "withdrawalId", task_withdrawal.attempt, account, address, amount_sat as "amountSat"
     from task_withdrawal join withdrawal on withdrawal.id = withdrawal_id where task_id = $1 order by position`,
    [task.taskId],
  );
  return { ...task, withdrawals: paid.rows };
}

export type TaskChange = {
  readonly state: "refused" | "stuck_for_person" | "signed";
  readonly code?: string;
  readonly detail?: string;
  readonly report: Uint8Array;
  readonly transaction?: Uint8Array;
};

/** Ends the waiting for a verdict. Throws unless the task waited for one. */
export async function settleTask(tx: Transaction, taskId: string, change: TaskChange): Promise<void> {
  const { rowCount } = await tx.query(
    `update task set state = $2, code = $3, detail = $4, report = $5, transaction = $6
     where id = $1 and state in ('planned', 'submitted', 'delayed')`,
    [
      taskId,
      change.state,
      change.code ?? null,
      change.detail === undefined ? null : storable(change.detail),
      change.report,
      change.transaction ?? null,
    ],
  );
  if (rowCount !== 1) throw new Error(`task ${taskId} does not wait for a verdict`);
  // A refused task holds its withdrawals no longer; a signed one holds them for ever.
  if (change.state === "refused") {
    await tx.query("update task_withdrawal set live = false where task_id = $1", [taskId]);
  }
}

/** The semi-offline zone comes back to it by itself or when asked again, not before this time. */
export async function delayTask(tx: Transaction, taskId: string, untilMs: number, report: Uint8Array): Promise<void> {
  const { rowCount } = await tx.query(
    `update task set state = 'delayed', report = $3, delayed_until = to_timestamp($2::numeric / 1000), sends = 0,
            send_after = to_timestamp($2::numeric / 1000)
     where id = $1 and state in ('planned', 'submitted', 'delayed')`,
    [taskId, untilMs, report],
  );
  if (rowCount !== 1) throw new Error(`task ${taskId} does not wait for a verdict`);
}

/** False when something newer was heard from the chain about the task's transaction, or that another version is final. */
export async function noteChainRevision(tx: Transaction, taskId: string, revision: number): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update task set chain_revision = $2 where id = $1 and chain_revision < $2
     and not exists (select from task other where other.payout_id = task.payout_id and other.state = 'confirmed'
                     and other.chain_revision > $2)`,
    [taskId, revision],
  );
  return rowCount === 1;
}

/** Its block left the best chain. What was confirmed before its signatures were heard of is asked for again. */
export async function unconfirmTask(tx: Transaction, taskId: string): Promise<"signed" | "planned"> {
  const { rows } = await tx.query<{ signed: boolean }>(
    `update task set state = case when transaction is null then 'submitted' else 'signed' end
     where id = $1 and state = 'confirmed' returning transaction is not null as signed`,
    [taskId],
  );
  return rows[0]?.signed === false ? "planned" : "signed";
}

/**
 * Ends tasks that were to spend a coin and never left vault: the semi-offline zone cannot know of them, so nothing can
 * have been signed. Resolves to what they would have paid and no version before them does.
 */
export async function withdrawUntaken(tx: Transaction, outpoint: string, code: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `update task set state = 'refused', code = $2, detail = $1 from task_input input
     where outpoint = $1 and input.task_id = task.id and state = 'planned' and taken_at is null returning task.id`,
    [outpoint, code],
  );
  const taskIds = rows.map(({ id }) => id);
  const paid = await tx.query<{ id: string; replaces: string | null }>(
    "update task_withdrawal set live = false where task_id = any($1) returning withdrawal_id as id, replaces",
    [taskIds],
  );
  for (const taskId of taskIds) await releaseCoins(tx, taskId);
  return paid.rows.flatMap(({ id, replaces }) => (replaces === null ? [id] : []));
}

export async function confirmTask(tx: Transaction, taskId: string): Promise<void> {
  await tx.query("update task set state = 'confirmed' where id = $1", [taskId]);
}

/** Tasks without a verdict that are due to be sent, oldest first, without those that are being sent. */
export async function dueTasks(
  database: Queryable,
  sending: readonly string[],
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await database.query<{ id: string }>(
    `select id from task where state in ('planned', 'submitted', 'delayed') and send_after <= now() and id <> all($1)
       and not (state = 'planned' and (is_wallet_suspended(wallet_id) or exists (
         select from task_withdrawal join withdrawal w on w.id = withdrawal_id
         where task_id = task.id and is_suspended(w.account, w.address))))
     order by planned_at, id limit $2`,
    [sending, limit],
  );
  return rows.map(({ id }) => id);
}

/** Tasks of a wallet that the semi-offline zone should be at work on. One that it delays on purpose, for long, is none. */
export async function countOpenTasks(tx: Transaction, walletId: string): Promise<number> {
  const { rows } = await tx.query<{ tasks: bigint }>(
    `select count(*) as tasks from task where wallet_id = $1
     and (state in ('planned', 'submitted') or (state = 'delayed' and delayed_until <= now() + interval '1 minute'))`,
    [walletId],
  );
  return Number(rows[0]?.tasks ?? 0n);
}

export type TaskRequest = {
  readonly walletId: string;
  readonly psbt: Uint8Array;
  readonly sends: number;
  readonly purpose: "" | "internal";
  /** In the order of the payments, so that asking again is asking the same. */
  readonly withdrawals: readonly { readonly clearance: Uint8Array; readonly attempt: number }[];
};

/** Takes the task to be sent: from here on the other side may have it. */
export async function takeRequest(database: Queryable, taskId: string): Promise<TaskRequest | null> {
  const { rows } = await database.query<Omit<TaskRequest, "withdrawals">>(
    `update task set taken_at = coalesce(taken_at, now())
     where id = $1 and state in ('planned', 'submitted', 'delayed') returning wallet_id as "walletId", psbt, sends, purpose`,
    [taskId],
  );
  const [task] = rows;
  if (task === undefined) return null;
  const { rows: withdrawals } = await database.query<TaskRequest["withdrawals"][number]>(
    `select clearance, task_withdrawal.attempt from task_withdrawal join withdrawal on withdrawal.id = withdrawal_id
     where task_id = $1 order by position`,
    [taskId],
  );
  return { ...task, withdrawals };
}

/** The other side has the task. True the first time. */
export async function markSent(tx: Transaction, taskId: string, againInMs: number): Promise<boolean> {
  await postponeSending(tx, taskId, againInMs);
  await tx.query("update task set state = 'submitted' where id = $1 and state = 'planned'", [taskId]);
  const { rowCount } = await tx.query("update task set started_at = now() where id = $1 and started_at is null", [
    taskId,
  ]);
  return rowCount === 1;
}

export async function postponeSending(database: Queryable, taskId: string, againInMs: number): Promise<void> {
  await database.query(
    `update task set sent_at = now(), sends = sends + 1,
            send_after = greatest(delayed_until, now() + $2 * interval '1 millisecond')
     where id = $1`,
    [taskId, againInMs],
  );
}

/** After a broken connection nobody knows what the other side has: ask about all that is not delayed at once. */
export async function sendSubmittedAgain(database: Queryable): Promise<void> {
  await database.query(
    "update task set send_after = greatest(delayed_until, now()) where state in ('submitted', 'delayed')",
  );
}
