// SQL about orders to holders and what they answered.
import type { Transaction } from "@sluice/postgres";
import type { Answer, HolderOrder } from "@sluice/second-opinion";

export async function listOrders(tx: Transaction, taskId: string): Promise<readonly HolderOrder[]> {
  const { rows } = await tx.query<Omit<HolderOrder, "sentAtMs"> & { sent_at_ms: bigint }>(
    `select holder, sent_at_ms, answer, envelope, refusal_code as "refusalCode", refusal_reason as "refusalReason"
     from holder_order where task_id = $1 order by holder`,
    [taskId],
  );
  return rows.map(({ sent_at_ms, ...order }) => ({ ...order, sentAtMs: Number(sent_at_ms) }));
}

/** Every order to a holder, each of which makes one record in its journal at most. */
export async function countOrders(tx: Transaction, holder: string): Promise<bigint> {
  const { rows } = await tx.query<{ count: bigint }>("select count(*) from holder_order where holder = $1", [holder]);
  return rows[0]?.count ?? 0n;
}

/** Before the order leaves: from now on a signature may exist. */
export async function recordOrder(tx: Transaction, taskId: string, holder: string, sentAtMs: number): Promise<void> {
  await tx.query(
    `insert into holder_order (task_id, holder, sent_at_ms) values ($1, $2, $3)
     on conflict (task_id, holder) do update set sent_at_ms = $3 where holder_order.answer is null`,
    [taskId, holder, sentAtMs],
  );
}

/** The first answer of a holder to an order counts. False when there is none waiting for one. */
export async function recordAnswer(
  tx: Transaction,
  taskId: string,
  holder: string,
  envelope: Uint8Array,
  answer: Answer,
): Promise<boolean> {
  const refusal = answer.kind === "signatures" ? null : answer;
  const { rowCount } = await tx.query(
    `update holder_order set answer = $3, envelope = $4, refusal_code = $5, refusal_reason = $6
     where task_id = $1 and holder = $2 and answer is null`,
    [taskId, holder, answer.kind, envelope, refusal?.code ?? null, refusal?.reason ?? null],
  );
  return rowCount === 1;
}
