// All SQL about withdrawals.
import type { Priority } from "@sluice/contracts";
import type { Candidate, WaitingCode } from "@sluice/planning";
import type { Queryable, Transaction } from "@sluice/postgres";
import { storable } from "./storable.ts";

export type ClearedWithdrawal = {
  readonly withdrawalId: string;
  readonly clearance: Uint8Array;
  readonly account: string;
  readonly address: string;
  readonly amountSat: bigint;
  readonly priority: Priority;
  /** From now on; the deadline is fixed here. */
  readonly dueInMs: number;
};

/** False when the id is known with another account, address or amount. What is known stays as it is. */
export async function insertWithdrawal(tx: Transaction, withdrawal: ClearedWithdrawal): Promise<boolean> {
  const { withdrawalId, clearance, account, address, amountSat, priority, dueInMs } = withdrawal;
  await tx.query(
    `insert into withdrawal (id, clearance, account, address, amount_sat, priority, due_at)
     values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond') on conflict (id) do nothing`,
    [withdrawalId, clearance, account, address, amountSat, priority, dueInMs],
  );
  const { rowCount } = await tx.query(
    "select from withdrawal where id = $1 and account = $2 and address = $3 and amount_sat = $4",
    [withdrawalId, account, address, amountSat],
  );
  return rowCount === 1;
}

/**
 * A page of the cleared withdrawals that may go into this wallet's next transaction, earliest deadline first, locked for
 * the planning. Those that another wallet's planner has in hand are passed over.
 */
export async function waitingWithdrawals(
  tx: Transaction,
  walletId: string,
  page: { readonly limit: number; readonly offset: number },
): Promise<readonly Candidate[]> {
  const { rows } = await tx.query<Candidate>(
    `select id as "withdrawalId", address, amount_sat as "amountSat", anchor, alone, priority,
            octet_length(clearance) as "clearanceBytes",
            (extract(epoch from due_at - now()) * 1000)::float8 as "dueInMs"
     from withdrawal
     where state = 'cleared' and plan_after <= now() and (wallet_id = $1 or wallet_id is null)
       and not is_suspended(account, address) and not is_wallet_suspended($1)
     order by due_at, received_at, id limit $2 offset $3 for update skip locked`,
    [walletId, page.limit, page.offset],
  );
  return rows;
}

/** What is cleared and planned nowhere yet, as far as this wallet may have to pay it. */
export async function sumWaiting(tx: Transaction, walletId: string): Promise<bigint> {
  const { rows } = await tx.query<{ sat: bigint }>(
    `select coalesce(sum(amount_sat), 0)::bigint as sat from withdrawal
     where state = 'cleared' and (wallet_id = $1 or wallet_id is null) and not is_suspended(account, address)`,
    [walletId],
  );
  return rows[0]?.sat ?? 0n;
}

/**
 * Records why withdrawals were passed over, and that others no longer are. Resolves to the number that changed. That a lane
 * is stopped is no reason of its own for what another wallet may pay as well.
 */
export async function markWaiting(tx: Transaction, codes: ReadonlyMap<string, WaitingCode | null>): Promise<number> {
  const { rowCount } = await tx.query(
    `update withdrawal set waiting_code = mark.code from unnest($1::text[], $2::text[]) as mark (id, code)
     where withdrawal.id = mark.id and withdrawal.waiting_code is distinct from mark.code
       and not (mark.code = 'LANE_STOPPED' and withdrawal.wallet_id is null and withdrawal.waiting_code is not null)`,
    [[...codes.keys()], [...codes.values()]],
  );
  return rowCount;
}

export type Attempt = { readonly withdrawalId: string; readonly attempt: number };

/** Moves cleared withdrawals to planned, each as its next attempt. Throws unless all of them were cleared. */
export function markPlanned(tx: Transaction, walletId: string, ids: readonly string[]): Promise<readonly Attempt[]> {
  return nextAttempt(tx, ids, "cleared", walletId);
}

/** A further version of a signed payout is a further attempt. Throws unless all of them are signed. */
export function countReplacement(
  tx: Transaction,
  walletId: string,
  ids: readonly string[],
): Promise<readonly Attempt[]> {
  return nextAttempt(tx, ids, "signed", walletId);
}

async function nextAttempt(
  tx: Transaction,
  ids: readonly string[],
  from: "cleared" | "signed",
  walletId: string,
): Promise<readonly Attempt[]> {
  const { rows } = await tx.query<Attempt>(
    `update withdrawal set state = case when $3 = 'cleared' then 'planned' else state end, attempt = attempt + 1,
            wallet_id = $1, waiting_code = null
     where id = any($2) and state = $3 returning id as "withdrawalId", attempt`,
    [walletId, ids, from],
  );
  if (rows.length !== ids.length) throw new Error(`a withdrawal to be planned is not ${from}`);
  const attempts = new Map(rows.map(({ withdrawalId, attempt }) => [withdrawalId, attempt]));
  return ids.map((withdrawalId) => ({ withdrawalId, attempt: attempts.get(withdrawalId) ?? 0 }));
}

/** Moves planned withdrawals on. Throws unless all of them were planned. */
export async function settlePlanned(
  tx: Transaction,
  withdrawalIds: readonly string[],
  state: "refused" | "signed",
): Promise<void> {
  // What has failed meanwhile stays so, whatever becomes of its companions.
  const { rowCount } = await tx.query(
    `update withdrawal set state = case when state = 'failed' then state else $2 end
     where id = any($1) and state in ('planned', 'failed')`,
    [withdrawalIds, state],
  );
  if (rowCount !== withdrawalIds.length) throw new Error(`a withdrawal to be ${state} is not planned`);
}

/** So often a withdrawal is tried alone before it waits for a person: with the pauses between, for some two hours. */
export const MOST_ATTEMPTS = 20;

/**
 * Moves planned withdrawals back to be planned again: at once, or alone and not before a while has passed. One that was
 * refused alone again and again, for reasons that name no withdrawal, waits for a person. What has failed stays so.
 */
export async function clearAgain(
  tx: Transaction,
  withdrawalIds: readonly string[],
  code: string,
  aloneAfterMs: number | null,
): Promise<void> {
  const { rowCount } = await tx.query(
    `update withdrawal set state = case when state = 'failed' then state else 'cleared' end,
            wallet_id = case when anchor is null then null else wallet_id end,
            waiting_code = case when state = 'failed' then null when alone and $3 and attempt >= ${MOST_ATTEMPTS}
                           then 'REFUSED_TOO_OFTEN' else $2 end,
            -- What is suspended was no fault of what it was planned with.
            alone = alone or ($3 and not is_suspended(account, address)),
            plan_after = case when alone and $3 and attempt >= ${MOST_ATTEMPTS} then 'infinity'
                         else now() + $4 * interval '1 millisecond' end
     where id = any($1) and state in ('planned', 'failed')`,
    [withdrawalIds, storable(code), aloneAfterMs !== null, aloneAfterMs ?? 0],
  );
  if (rowCount !== withdrawalIds.length) throw new Error("a withdrawal to be planned again is not planned");
}

export async function markConfirmed(tx: Transaction, withdrawalIds: readonly string[]): Promise<void> {
  await tx.query("update withdrawal set state = 'confirmed' where id = any($1)", [withdrawalIds]);
}

export async function markUnconfirmed(
  tx: Transaction,
  withdrawalIds: readonly string[],
  state: "signed" | "planned",
): Promise<void> {
  await tx.query("update withdrawal set state = $2 where id = any($1) and state = 'confirmed'", [withdrawalIds, state]);
}

/** From now on every transaction for these withdrawals spends this outpoint. An anchor never changes. */
export async function setAnchor(tx: Transaction, withdrawalIds: readonly string[], anchor: string): Promise<void> {
  await tx.query("update withdrawal set anchor = $2 where id = any($1) and anchor is null", [withdrawalIds, anchor]);
}

const WAITS_FOR = "case when is_suspended(account, address) then 'SUSPENDED' else waiting_code end";

export type WaitingRow = {
  readonly withdrawalId: string;
  readonly amountSat: bigint;
  readonly attempt: number;
  readonly code: string | null;
  readonly receivedAt: Date;
};

export async function listWaiting(database: Queryable, limit: number): Promise<readonly WaitingRow[]> {
  const { rows } = await database.query<WaitingRow>(
    `select id as "withdrawalId", amount_sat as "amountSat", attempt, ${WAITS_FOR} as code, received_at as "receivedAt"
     from withdrawal where state = 'cleared' order by received_at, id limit $1`,
    [limit],
  );
  return rows;
}

export type WaitingSummary = {
  /** By the code of what they wait for; those that were not passed over yet have none. */
  readonly withdrawals: ReadonlyMap<string, number>;
  readonly oldestSeconds: number;
};

export async function summariseWaiting(database: Queryable): Promise<WaitingSummary> {
  const { rows } = await database.query<{ code: string; withdrawals: bigint; oldestSeconds: number }>(
    `select coalesce(${WAITS_FOR}, '') as code, count(*) as withdrawals,
            extract(epoch from now() - min(received_at))::float8 as "oldestSeconds"
     from withdrawal where state = 'cleared' group by code`,
  );
  return {
    withdrawals: new Map(rows.map(({ code, withdrawals }) => [code, Number(withdrawals)])),
    oldestSeconds: Math.max(0, ...rows.map(({ oldestSeconds }) => oldestSeconds)),
  };
}
