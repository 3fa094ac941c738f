// SQL about tasks, what was ordered for them, and what the zone remembers of payments.
import type { Queryable, Transaction } from "@sluice/postgres";

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

export type Recalled = { readonly taskId: string; readonly request: Uint8Array; readonly report: Uint8Array | null };

const RECALLED_AT_ONCE = 100;

/**
 * Tasks that came since a time, or whose newest word vault took since then or has not taken, in the order of their coming,
 * after one of them.
 */
export async function listRecalled(
  database: Queryable,
  since: Date,
  after: string | null,
): Promise<readonly Recalled[]> {
  const { rows } = await database.query<Recalled>(
    `select task.id as "taskId", task.envelope as request, newest.envelope as report
     from task left join lateral (
       select envelope, accepted_at from report where task_id = task.id order by number desc limit 1
     ) newest on true
     where (received_at >= $1 or state in ('received', 'delayed', 'ordered') or newest.accepted_at is null
            or newest.accepted_at >= $1)
       and ($2::text is null or (received_at, id) > (select received_at, id from task where id = $2))
     order by received_at, id limit $3`,
    [since, after, RECALLED_AT_ONCE],
  );
  return rows;
}

export async function setHoldersMissed(tx: Transaction, id: string, missed: boolean): Promise<void> {
  await tx.query("update task set holders_missed = $2 where id = $1", [id, missed]);
}

export async function countTasks(database: Queryable): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ state: string; count: bigint }>(
    "select state, count(*) as count from task group by state",
  );
  return new Map(rows.map(({ state, count }) => [state, Number(count)]));
}
