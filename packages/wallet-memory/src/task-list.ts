// What people and metrics are shown of signature tasks.
import type { TaskState } from "@sluice/planning";
import type { Queryable } from "@sluice/postgres";

export type TaskRow = {
  readonly taskId: string;
  readonly walletId: string;
  readonly transactionId: string;
  readonly state: TaskState;
  readonly code: string | null;
  readonly detail: string | null;
  readonly feeSat: bigint;
  readonly plannedAt: Date;
  readonly delayedUntil: Date | null;
  readonly sends: number;
  /** Of its coins, those that are in no block of the best chain any more: it cannot confirm until they are back. */
  readonly vanishedCoins: readonly string[];
  readonly replaces: string | null;
  /** Of an internal transfer, why it was made. */
  readonly reason: string | null;
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[] | null;
};

/** What waits for a person first, then what waits for a verdict, then the newest. */
export async function listTasks(database: Queryable, limit: number): Promise<readonly TaskRow[]> {
  const { rows } = await database.query<TaskRow>(
    `select id as "taskId", wallet_id as "walletId", transaction_id as "transactionId", state, code, detail,
            fee_sat as "feeSat", planned_at as "plannedAt", delayed_until as "delayedUntil", sends, replaces, reason,
            (select json_agg(json_build_object('withdrawalId', withdrawal_id, 'attempt', attempt) order by position)
             from task_withdrawal where task_id = task.id) as withdrawals,
            array(select outpoint from task_input input join coin_sighting using (outpoint)
                  where input.task_id = task.id and input.payout_id is not null and not present
                  order by position) as "vanishedCoins"
     from task
     order by state = 'stuck_for_person' desc, state in ('planned', 'submitted', 'delayed') desc, planned_at desc
     limit $1`,
    [limit],
  );
  return rows;
}

export async function countTasks(database: Queryable): Promise<ReadonlyMap<TaskState, number>> {
  const { rows } = await database.query<{ state: TaskState; tasks: bigint }>(
    "select state, count(*) as tasks from task group by state",
  );
  return new Map(rows.map(({ state, tasks }) => [state, Number(tasks)]));
}
