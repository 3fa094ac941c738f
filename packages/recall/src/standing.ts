// SQL about tasks that come back. The tables are vault's.
import type { Transaction } from "@sluice/postgres";

export type Attempt = { readonly withdrawalId: string; readonly attempt: number };

/** The other side has it, as it has said itself. */
export async function markTaken(tx: Transaction, taskId: string): Promise<void> {
  await tx.query(
    `update task set taken_at = coalesce(taken_at, now()), started_at = coalesce(started_at, now()),
       state = case when state = 'planned' then 'submitted' else state end where id = $1`,
    [taskId],
  );
}

/** Tasks that wait to be sent for the first time, without some. */
export async function listUnsent(tx: Transaction, except: readonly string[]): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    "select id from task where state in ('planned', 'submitted', 'delayed') and id <> all($1) order by planned_at desc",
    [except],
  );
  return rows.map(({ id }) => id);
}

/**
 * How a task that was planned once fits in: which version of the same payout it replaced, if any. Null while it does not
 * fit: a withdrawal or a coin is not known yet, or a task before it has no verdict.
 */
export async function findStanding(
  tx: Transaction,
  withdrawalIds: readonly string[],
  outpoints: readonly string[],
): Promise<{ readonly replaces: string | null } | null> {
  const { rows } = await tx.query<{ known: boolean; cleared: boolean }>(
    `select (select count(*) from withdrawal where id = any($1)) = cardinality($1::text[])
            and (select count(*) from coin where outpoint = any($2)) = cardinality($2::text[]) as known,
            not exists (select from withdrawal where id = any($1) and state <> 'cleared') as cleared`,
    [withdrawalIds, outpoints],
  );
  const [found] = rows;
  if (found?.known !== true) return null;
  const taken = await tx.query<{ payoutId: string }>(
    'select distinct payout_id as "payoutId" from reservation where outpoint = any($1)',
    [outpoints],
  );
  const live = await tx.query<{ id: string; state: string }>(
    `select id, state from task where exists (
       select from task_withdrawal paid where paid.task_id = task.id and live and withdrawal_id = any($1))
     order by planned_at desc limit 1`,
    [withdrawalIds],
  );
  const [earlier] = live.rows;
  if (earlier === undefined) return found.cleared && taken.rows.length === 0 ? { replaces: null } : null;
  return ["signed", "confirmed", "superseded"].includes(earlier.state) ? { replaces: earlier.id } : null;
}

/** They are in a task that was planned before, under the attempts that it had then. */
export async function markAdopted(tx: Transaction, walletId: string, attempts: readonly Attempt[]): Promise<void> {
  await tx.query(
    `update withdrawal set state = case when state = 'cleared' then 'planned' else state end, wallet_id = $1,
       attempt = greatest(withdrawal.attempt, adopted.attempt), waiting_code = null
     from unnest($2::text[], $3::integer[]) as adopted (id, attempt) where withdrawal.id = adopted.id`,
    [walletId, attempts.map(({ withdrawalId }) => withdrawalId), attempts.map(({ attempt }) => attempt)],
  );
}
