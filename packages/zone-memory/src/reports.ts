// Sealed reports, numbered without a gap in the transaction of their verdict.
import { type MessageOf, type Sealer, seal } from "@sluice/contracts";
import type { Queryable, Transaction } from "@sluice/postgres";
import { readAnchors } from "./payments.ts";

type Report = MessageOf<"risk.reported.v1">;

/** Writes a report for its task; it is sent by `sendReports` after the commit. */
export async function writeReport(
  tx: Transaction,
  sealer: Sealer,
  report: Omit<Report, "number" | "orderedBefore" | "anchors">,
  occurredAtMs: number,
): Promise<void> {
  const { rows } = await tx.query<{ number: bigint }>(
    "update report_counter set last_number = last_number + 1 returning last_number as number",
  );
  const number = rows[0]?.number;
  if (number === undefined) throw new Error("the report counter is gone");
  const envelope = seal(sealer, "risk.reported.v1", {
    id: `${report.taskId}/${number}`,
    key: report.taskId,
    occurredAtMs,
    message: {
      ...report,
      number,
      orderedBefore: await orderedBefore(tx, report),
      anchors: await anchorsOf(tx, report),
    },
  });
  await tx.query("insert into report (number, task_id, envelope) values ($1, $2, $3)", [
    number,
    report.taskId,
    envelope,
  ]);
}

/** Those for which another task was ordered and not given up: what is said of this one is not the end of them. */
async function orderedBefore(
  tx: Transaction,
  { taskId, withdrawals }: Pick<Report, "taskId" | "withdrawals">,
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select distinct withdrawal_id as id from payment_attempt where withdrawal_id = any($1) and task_id <> $2
     order by withdrawal_id`,
    [withdrawals.map(({ withdrawalId }) => withdrawalId), taskId],
  );
  return rows.map(({ id }) => id);
}

async function anchorsOf(tx: Transaction, { withdrawals }: Pick<Report, "withdrawals">): Promise<Report["anchors"]> {
  const ids = withdrawals.map(({ withdrawalId }) => withdrawalId);
  return [...(await readAnchors(tx, ids))].map(([withdrawalId, anchor]) => ({ withdrawalId, anchor }));
}

/** The newest report of a task goes out once more, because vault asked again. */
export async function repeatReport(tx: Transaction, taskId: string): Promise<void> {
  await tx.query(
    `update report set accepted_at = null
     where number = (select max(number) from report where task_id = $1) and accepted_at is not null`,
    [taskId],
  );
}

export async function lastReportNumber(database: Queryable): Promise<bigint> {
  const { rows } = await database.query<{ last_number: bigint }>("select last_number from report_counter");
  return rows[0]?.last_number ?? 0n;
}
