// SQL about tasks, what was ordered for them, and what the zone remembers of payments.
import type { VelocityEntry } from "@sluice/core";
import type { Queryable, Transaction } from "@sluice/postgres";
import type { Due, EarlierPayment, EarlierTask, History, ReadTask } from "@sluice/second-opinion";

export type TaskState = "received" | "delayed" | "ordered" | "signed" | "refused";

export type StoredTask = {
  readonly id: string;
  readonly walletId: string;
  readonly envelope: Uint8Array;
  readonly state: TaskState;
  readonly holdersMissed: boolean;
};

const TASK_COLUMNS = `id, wallet_id as "walletId", envelope, state, holders_missed as "holdersMissed"`;

export type Accepted = "new" | "known" | "changed";

/** Keeps a task before it is accepted. The first content under an id is the only one. */
export async function acceptTask(
  tx: Transaction,
  task: { readonly id: string; readonly walletId: string; readonly envelope: Uint8Array; readonly sha256: Uint8Array },
): Promise<Accepted> {
  const { rowCount } = await tx.query(
    `insert into task (id, wallet_id, envelope, content_sha256, state) values ($1, $2, $3, $4, 'received')
     on conflict (id) do nothing`,
    [task.id, task.walletId, task.envelope, task.sha256],
  );
  if (rowCount === 1) return "new";
  const { rows } = await tx.query<{ same: boolean }>("select content_sha256 = $2 as same from task where id = $1", [
    task.id,
    task.sha256,
  ]);
  return rows[0]?.same === true ? "known" : "changed";
}

/** Tasks that something can be done for now, the oldest first. */
export async function listDue(
  database: Queryable,
  nowMs: number,
): Promise<readonly { id: string; state: TaskState }[]> {
  const { rows } = await database.query<{ id: string; state: TaskState }>(
    `select id, state from task
     where state in ('received', 'ordered') or (state = 'delayed' and due_at_ms <= $1)
     order by received_at, id`,
    [nowMs],
  );
  return rows;
}

export async function lockTask(tx: Transaction, id: string): Promise<StoredTask | null> {
  const { rows } = await tx.query<StoredTask>(`select ${TASK_COLUMNS} from task where id = $1 for update`, [id]);
  return rows[0] ?? null;
}

export async function moveTask(
  tx: Transaction,
  id: string,
  from: readonly TaskState[],
  to: { readonly state: TaskState; readonly dueAtMs?: number; readonly txid?: string },
): Promise<void> {
  const { rowCount } = await tx.query(
    `update task set state = $3, due_at_ms = $4, txid = case when $5 = '' then txid else $5 end
     where id = $1 and state = any($2)`,
    [id, from, to.state, to.dueAtMs ?? 0, to.txid ?? ""],
  );
  if (rowCount !== 1) throw new Error(`task ${id} is not ${from.join(" or ")} any more`);
}

export async function setHoldersMissed(tx: Transaction, id: string, missed: boolean): Promise<void> {
  await tx.query("update task set holders_missed = $2 where id = $1", [id, missed]);
}

/** Everything that the limits and the rule of paying once can need for these withdrawals. */
export async function loadHistory(
  tx: Transaction,
  walletId: string,
  { due, decoded }: ReadTask,
  sinceMs: number,
): Promise<History> {
  const ids = due.map(({ withdrawalId }) => withdrawalId);
  const paid = await tx.query<EarlierPayment & { withdrawalId: string }>(
    `select withdrawal_id as "withdrawalId", anchor, task_id as "taskId", txid from payment where withdrawal_id = any($1)`,
    [ids],
  );
  const spenders = await tx.query<EarlierTask>(
    `select task.id as "taskId", task.txid, array_agg(distinct attempt.withdrawal_id) as "withdrawalIds"
     from task_input join task on task.id = task_input.task_id join payment_attempt attempt on attempt.task_id = task.id
     where task_input.outpoint = any($1) group by task.id order by task.id`,
    [decoded.inputs.map(({ outpoint }) => outpoint)],
  );
  const accounts = due.map(({ account }) => account);
  const scripts = due.map(({ scriptHex }) => Buffer.from(scriptHex, "hex"));
  const byAccount = await entriesBy(tx, "account as key", "account = any($1)", accounts, sinceMs);
  const byDestination = await entriesBy(tx, "encode(script, 'hex') as key", "script = any($1)", scripts, sinceMs);
  const outflow = await tx.query<{ at_ms: bigint; amount_sat: bigint }>(
    "select at_ms, amount_sat from outflow where wallet_id = $1 and at_ms > $2",
    [walletId, sinceMs],
  );
  return {
    paid: new Map(paid.rows.map(({ withdrawalId, ...earlier }) => [withdrawalId, earlier])),
    spenders: spenders.rows,
    byAccount,
    byDestination,
    ofWallet: outflow.rows.map(toEntry),
  };
}

async function entriesBy(
  tx: Transaction,
  key: "account as key" | "encode(script, 'hex') as key",
  among: "account = any($1)" | "script = any($1)",
  keys: readonly (string | Buffer)[],
  sinceMs: number,
): Promise<ReadonlyMap<string, readonly VelocityEntry[]>> {
  const { rows } = await tx.query<{ key: string; at_ms: bigint; amount_sat: bigint }>(
    `select ${key}, at_ms, amount_sat from payment where ${among} and at_ms > $2`,
    [keys, sinceMs],
  );
  const entries = new Map<string, VelocityEntry[]>();
  for (const row of rows) entries.set(row.key, [...(entries.get(row.key) ?? []), toEntry(row)]);
  return entries;
}

function toEntry(row: { readonly at_ms: bigint; readonly amount_sat: bigint }): VelocityEntry {
  return { atMs: Number(row.at_ms), amountMinor: row.amount_sat };
}

/** The present, or the latest time ever recorded if the clock went back: limits never look into a past that was spent. */
export async function latestMs(tx: Transaction, nowMs: number): Promise<number> {
  const { rows } = await tx.query<{ at_ms: bigint | null }>("select max(at_ms) as at_ms from outflow");
  return Math.max(nowMs, Number(rows[0]?.at_ms ?? 0n));
}

export type NewPayment = Due & { readonly anchor: string };

/** Before any holder hears of it. A withdrawal keeps its first anchor for ever. */
export async function recordPayments(
  tx: Transaction,
  ordered: {
    readonly taskId: string;
    readonly walletId: string;
    readonly txid: string;
    readonly outflowSat: bigint;
    readonly atMs: number;
    readonly inputs: readonly string[];
    readonly payments: readonly NewPayment[];
  },
): Promise<void> {
  const { taskId, txid, atMs } = ordered;
  for (const { withdrawalId, anchor, account, scriptHex, amountSat } of ordered.payments) {
    const { rowCount } = await tx.query(
      `insert into payment (withdrawal_id, anchor, task_id, txid, account, script, amount_sat, at_ms)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (withdrawal_id) do update set task_id = $3, txid = $4 where payment.anchor = $2`,
      [withdrawalId, anchor, taskId, txid, account, Buffer.from(scriptHex, "hex"), amountSat, atMs],
    );
    if (rowCount !== 1) throw new Error(`${withdrawalId} has another anchor`);
    await tx.query("insert into payment_attempt (withdrawal_id, task_id) values ($1, $2)", [withdrawalId, taskId]);
  }
  await tx.query("insert into task_input (outpoint, task_id) select unnest($1::text[]), $2", [ordered.inputs, taskId]);
  await tx.query(
    "insert into outflow (txid, wallet_id, amount_sat, at_ms) values ($1, $2, $3, $4) on conflict (txid) do nothing",
    [txid, ordered.walletId, ordered.outflowSat, atMs],
  );
}

/**
 * Undoes what was recorded for a task of which no signature can exist, so that its withdrawals may be paid with other
 * coins. A withdrawal that another task was ordered for keeps its record and its anchor.
 */
export async function releasePayments(tx: Transaction, taskId: string): Promise<void> {
  await tx.query("delete from task_input where task_id = $1", [taskId]);
  const { rows } = await tx.query<{ withdrawal_id: string }>(
    "delete from payment_attempt where task_id = $1 returning withdrawal_id",
    [taskId],
  );
  await tx.query(
    `delete from payment where withdrawal_id = any($1)
     and not exists (select from payment_attempt attempt where attempt.withdrawal_id = payment.withdrawal_id)`,
    [rows.map(({ withdrawal_id }) => withdrawal_id)],
  );
  await tx.query(
    `delete from outflow using task where task.id = $1 and outflow.txid = task.txid
     and not exists (select from payment_attempt attempt join task other on other.id = attempt.task_id
                     where other.txid = outflow.txid)`,
    [taskId],
  );
}

export async function readAnchors(
  tx: Transaction,
  withdrawalIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await tx.query<{ withdrawal_id: string; anchor: string }>(
    "select withdrawal_id, anchor from payment where withdrawal_id = any($1)",
    [withdrawalIds],
  );
  return new Map(rows.map(({ withdrawal_id, anchor }) => [withdrawal_id, anchor]));
}

export async function countTasks(database: Queryable): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ state: string; count: bigint }>(
    "select state, count(*) as count from task group by state",
  );
  return new Map(rows.map(({ state, count }) => [state, Number(count)]));
}
