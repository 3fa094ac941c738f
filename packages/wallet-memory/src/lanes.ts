// All SQL about lanes: one instance plans a wallet at a time, and none plans it while it is stopped.
import { type Queryable, type Transaction, withLane } from "@sluice/postgres";

/** "busy": another instance has it. "stopped": somebody else spent a coin of the wallet, and no person has looked yet. */
export async function takeLane(tx: Transaction, walletId: string): Promise<"taken" | "busy" | "stopped"> {
  if (!(await withLane(tx, `wallet:${walletId}`))) return "busy";
  const { rowCount } = await tx.query("select from stopped_lane where wallet_id = $1", [walletId]);
  return rowCount === 0 ? "taken" : "stopped";
}

export type StoppedLane = {
  readonly walletId: string;
  /** The foreign transaction, which the person who reopens the lane has to name. */
  readonly transactionId: string;
  readonly outpoint: string;
  readonly ourTransactionId: string;
};

/**
 * False when it was stopped already, since the first transaction found stays the one to be named; and when a person has seen
 * this one, which the gateway tells of again as it gets deeper.
 */
export async function stopLane(tx: Transaction, stopped: StoppedLane): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into stopped_lane (wallet_id, transaction_id, outpoint, our_transaction_id) select $1, $2, $3, $4
     where not exists (select from seen_conflict seen where seen.wallet_id = $1 and seen.transaction_id = $2)
     on conflict (wallet_id) do nothing`,
    [stopped.walletId, stopped.transactionId, stopped.outpoint, stopped.ourTransactionId],
  );
  return rowCount === 1;
}

/** False unless the lane is stopped because of this very transaction. */
export async function reopenLane(database: Queryable, walletId: string, transactionId: string): Promise<boolean> {
  const { rowCount } = await database.query(
    `with reopened as (delete from stopped_lane where wallet_id = $1 and transaction_id = $2
                       returning wallet_id, transaction_id)
     insert into seen_conflict (wallet_id, transaction_id) select wallet_id, transaction_id from reopened
     on conflict (wallet_id, transaction_id) do update set seen_at = now()`,
    [walletId, transactionId],
  );
  return rowCount === 1;
}

export async function listStoppedLanes(
  database: Queryable,
): Promise<readonly (StoppedLane & { readonly stoppedAt: Date })[]> {
  const { rows } = await database.query<StoppedLane & { readonly stoppedAt: Date }>(
    `select wallet_id as "walletId", transaction_id as "transactionId", outpoint,
            our_transaction_id as "ourTransactionId", stopped_at as "stoppedAt" from stopped_lane order by wallet_id`,
  );
  return rows;
}
