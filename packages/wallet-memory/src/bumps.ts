// All SQL about transactions that do not get into a block: what the gateway said of them, and what was done about it.
import type { Queryable, Transaction } from "@sluice/postgres";

export type Stuck = {
  readonly transactionId: string;
  readonly code: string;
  readonly wantedSatPerKvbyte: bigint;
  readonly replacementFeeSat: bigint;
  readonly descendants: number;
  readonly revision: number;
};

/**
 * Keeps the gateway's word about the newest signed version of a payout. False when there is nothing to do about it: it is
 * no signed transaction of ours, a newer version of it is under way, or a newer word was heard.
 */
export async function noteStuck(tx: Transaction, stuck: Stuck): Promise<boolean> {
  const { transactionId, code, wantedSatPerKvbyte, replacementFeeSat, descendants, revision } = stuck;
  const { rowCount } = await tx.query(
    `insert into bump (payout_id, transaction_id, stuck_code, wanted_sat_per_kvbyte, replacement_fee_sat, descendants, revision)
     select payout_id, $1, $2, $3, $4, $5, $6 from task where transaction_id = $1 and state = 'signed'
       and not exists (select from task newer where newer.payout_id = task.payout_id and newer.replaces = task.id
                       and newer.state <> 'refused')
     on conflict (payout_id) do update
       set transaction_id = $1, stuck_code = $2, wanted_sat_per_kvbyte = $3, replacement_fee_sat = $4, descendants = $5,
           revision = $6, due = true
       where bump.revision < $6`,
    [transactionId, code, wantedSatPerKvbyte, replacementFeeSat, descendants, revision],
  );
  return rowCount === 1;
}

export type DueBump = {
  readonly payoutId: string;
  readonly transactionId: string;
  readonly stuckCode: string;
  readonly wantedSatPerKvbyte: bigint;
  readonly replacementFeeSat: bigint;
  readonly descendants: number;
  readonly bumps: number;
};

/** One of the wallet's that is due, the longest waiting first. */
export async function dueBump(tx: Transaction, walletId: string): Promise<DueBump | null> {
  const { rows } = await tx.query<DueBump>(
    `select bump.payout_id as "payoutId", bump.transaction_id as "transactionId", stuck_code as "stuckCode",
            wanted_sat_per_kvbyte as "wantedSatPerKvbyte", replacement_fee_sat as "replacementFeeSat", descendants, bumps
     from bump join task on task.id = bump.payout_id
     where wallet_id = $1 and due and next_at <= now() order by next_at, bump.payout_id limit 1`,
    [walletId],
  );
  return rows[0] ?? null;
}

export type BumpAnswer = {
  /** REPLACED, CHILD, or why nothing was done. */
  readonly code: string;
  readonly detail: string;
  /** What was planned; null when nothing was. */
  readonly taskId: string | null;
  /** Not looked at again before this, even if the gateway speaks. */
  readonly nextInMs: number;
  /** Whether it is looked at again then without a further word of the gateway. */
  readonly again: boolean;
};

export async function answerBump(tx: Transaction, payoutId: string, answer: BumpAnswer): Promise<void> {
  const { code, detail, taskId, nextInMs, again } = answer;
  await tx.query(
    `update bump set due = $6, code = $2, detail = $3, task_id = coalesce($4, task_id),
            bumps = bumps + case when $4::text is null then 0 else 1 end,
            next_at = now() + $5 * interval '1 millisecond'
     where payout_id = $1`,
    [payoutId, code, detail, taskId, nextInMs, again],
  );
}

/** The zone refused what was planned: the version before stays, this says why it was not bumped, and it is tried again later. */
export async function noteBumpRefused(tx: Transaction, taskId: string, code: string, detail: string): Promise<void> {
  await tx.query("update bump set due = true, code = $2, detail = left($3, 2000) where task_id = $1", [
    taskId,
    code,
    detail,
  ]);
}

export type BumpRow = {
  readonly payoutId: string;
  readonly transactionId: string;
  readonly stuckCode: string;
  readonly bumps: number;
  readonly taskId: string | null;
  readonly code: string | null;
  readonly detail: string | null;
  readonly nextAt: Date;
};

export async function listBumps(database: Queryable, limit: number): Promise<readonly BumpRow[]> {
  const { rows } = await database.query<BumpRow>(
    `select payout_id as "payoutId", transaction_id as "transactionId", stuck_code as "stuckCode", bumps, task_id as "taskId",
            code, detail, next_at as "nextAt"
     from bump order by next_at desc, payout_id limit $1`,
    [limit],
  );
  return rows;
}
