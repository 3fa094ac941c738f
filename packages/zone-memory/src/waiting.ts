// Tasks that wait: those that people look at, and how they are judged again.
import type { Queryable, Transaction } from "@sluice/postgres";

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
