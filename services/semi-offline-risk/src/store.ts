// SQL about tasks, what was ordered for them, and what the zone remembers of payments.
import type { Queryable, Transaction } from "@sluice/postgres";
import type { Due } from "@sluice/second-opinion";

export type TaskState = "received" | "delayed" | "ordered" | "signed" | "refused";

export type StoredTask = {
  readonly id: string;
  readonly walletId: string;
  readonly envelope: Uint8Array;
  readonly state: TaskState;
  readonly holdersMissed: boolean;
  /** Null until it was judged. */
  readonly firstJudgedAtMs: bigint | null;
};

const TASK_COLUMNS = `id, wallet_id as "walletId", envelope, state, holders_missed as "holdersMissed",
  first_judged_at_ms as "firstJudgedAtMs"`;

export type Accepted = "new" | "known" | "changed" | "full";

/** Tasks that wait for a verdict or for holders at once. Vault keeps well below it by itself. */
const MOST_OPEN = 500;

/** Keeps a task before it is accepted, unless too many are open. The first content under an id is the only one. */
export async function acceptTask(
  tx: Transaction,
  task: { readonly id: string; readonly walletId: string; readonly envelope: Uint8Array; readonly sha256: Uint8Array },
): Promise<Accepted> {
  const { rowCount } = await tx.query(
    `insert into task (id, wallet_id, envelope, content_sha256, state) select $1, $2, $3, $4, 'received'
     where (select count(*) from task where state in ('received', 'ordered')) < $5 on conflict (id) do nothing`,
    [task.id, task.walletId, task.envelope, task.sha256, MOST_OPEN],
  );
  if (rowCount === 1) return "new";
  const { rows } = await tx.query<{ same: boolean }>("select content_sha256 = $2 as same from task where id = $1", [
    task.id,
    task.sha256,
  ]);
  const [known] = rows;
  if (known === undefined) return "full";
  return known.same ? "known" : "changed";
}

/** Tasks that something can be done for now: first those without a verdict, then those of holders; the oldest first. */
export async function listDue(
  database: Queryable,
  nowMs: number,
): Promise<readonly { id: string; state: TaskState }[]> {
  const { rows } = await database.query<{ id: string; state: TaskState }>(
    `select id, state from task
     where state in ('received', 'ordered') or (state = 'delayed' and due_at_ms <= $1)
     order by state = 'ordered', received_at, id limit $2`,
    [nowMs, MOST_OPEN],
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

/** When it was judged first: now, unless it was before. */
export async function markJudged(tx: Transaction, { id, firstJudgedAtMs }: StoredTask, nowMs: number): Promise<number> {
  if (firstJudgedAtMs !== null) return Number(firstJudgedAtMs);
  await tx.query("update task set first_judged_at_ms = $2 where id = $1", [id, nowMs]);
  return nowMs;
}

/** What waits is judged again at once: one task, or all of them. */
export async function judgeNow(tx: Transaction, id: string | null): Promise<void> {
  await tx.query("update task set due_at_ms = 0 where state = 'delayed' and ($1::text is null or id = $1)", [id]);
}

export type DelayedTask = {
  readonly taskId: string;
  readonly transactionId: string;
  readonly envelope: Uint8Array;
  readonly dueAtMs: number;
};

/** Those with something in them that waits for people or a deliberate time; or one of those that are delayed, locked. */
export async function listDelayed(
  database: Queryable,
  which: { readonly lock: string } | { readonly limit: number },
): Promise<readonly DelayedTask[]> {
  const columns = `select id as "taskId", txid as "transactionId", envelope, due_at_ms from task where state = 'delayed'`;
  const { rows } = await ("lock" in which
    ? database.query<DelayedTask & { due_at_ms: bigint }>(`${columns} and id = $1 for update`, [which.lock])
    : database.query<DelayedTask & { due_at_ms: bigint }>(
        `${columns} and exists (select from deliberation where task_id = task.id) order by received_at, id limit $1`,
        [which.limit],
      ));
  return rows.map(({ due_at_ms, ...task }) => ({ ...task, dueAtMs: Number(due_at_ms) }));
}

export async function setHoldersMissed(tx: Transaction, id: string, missed: boolean): Promise<void> {
  await tx.query("update task set holders_missed = $2 where id = $1", [id, missed]);
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
