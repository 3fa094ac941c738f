// What was ever ordered to be signed, on record before any holder hears of it: the rule of paying once rests on it.
import type { Transaction } from "@sluice/postgres";
import { type Due, originOf } from "@sluice/second-opinion";

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
    /** Of its change; the highest when there are several outputs, null when there is none. */
    readonly changeIndex?: number | null;
    /** Under which its versions are known; null for an internal transfer, which has none. */
    readonly anchor?: string | null;
    /** None for an internal transfer. */
    readonly payments: readonly NewPayment[];
  },
): Promise<void> {
  const { taskId, txid, atMs } = ordered;
  for (const payment of ordered.payments) {
    const { withdrawalId, anchor, account, scriptHex, amountSat } = payment;
    const { rowCount } = await tx.query(
      `insert into payment (withdrawal_id, anchor, task_id, txid, account, script, amount_sat, at_ms, requester_key)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict (withdrawal_id) do update set task_id = $3, txid = $4 where payment.anchor = $2`,
      [
        ...[withdrawalId, anchor, taskId, txid, account, Buffer.from(scriptHex, "hex"), amountSat, atMs],
        originOf(payment),
      ],
    );
    if (rowCount !== 1) throw new Error(`${withdrawalId} has another anchor`);
    await tx.query("insert into payment_attempt (withdrawal_id, task_id) values ($1, $2)", [withdrawalId, taskId]);
  }
  await tx.query("insert into task_input (outpoint, task_id) select unnest($1::text[]), $2", [ordered.inputs, taskId]);
  await tx.query(
    `insert into outflow (txid, wallet_id, amount_sat, at_ms, change_index, internal, anchor)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (txid) do nothing`,
    [
      txid,
      ordered.walletId,
      ordered.outflowSat,
      atMs,
      ordered.changeIndex ?? null,
      ordered.payments.length === 0,
      ordered.anchor ?? null,
    ],
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
     and not exists (select from task_input input join task other on other.id = input.task_id
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
