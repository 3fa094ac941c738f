// All SQL about what waits for a judgement: taken by one instance at a time, the oldest first.
import type { Queryable, Transaction } from "@sluice/postgres";
import { COLUMNS, type Row, type Stored, storedOf } from "./withdrawals.ts";

/**
 * The oldest withdrawals that wait for a judgement and that no other instance has in hand; locked. What was received and what
 * was delayed are looked for apart, so that many that are delayed for long are not read again and again: at most `limit` of
 * each, in order of receipt.
 */
export async function lockNextToJudge(
  tx: Transaction,
  nowMs: number,
  except: readonly string[],
  limit: number,
): Promise<readonly Stored[]> {
  const { rows } = await tx.query<Row>(
    `with received as (
       select * from withdrawal where state = 'received' and not id = any($2) order by number limit $3 for update skip locked
     ), over as (
       select * from withdrawal where state = 'delayed' and not_before_ms <= $1 and not id = any($2)
       order by not_before_ms limit $3 for update skip locked
     )
     select ${COLUMNS} from (select * from received union all select * from over) as waiting order by number`,
    [nowMs, except, limit],
  );
  return rows.map(storedOf);
}

/** When the next delay ends, epoch ms; null when nothing is delayed. */
export async function nextDelayEndMs(database: Queryable): Promise<number | null> {
  const { rows } = await database.query<{ ms: number | null }>(
    "select min(not_before_ms)::float8 as ms from withdrawal where state = 'delayed'",
  );
  return rows[0]?.ms ?? null;
}

/** How many wait for their first judgement, counted up to a bound. */
export async function countReceived(database: Queryable, bound: number): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::float8 as count from (select from withdrawal where state = 'received' limit $1) as waiting",
    [bound],
  );
  return rows[0]?.count ?? 0;
}

/** When the one that was cleared first, of those that are not signed yet, was cleared; null when none waits. */
export async function oldestUnsignedAtMs(database: Queryable): Promise<number | null> {
  const { rows } = await database.query<{ ms: number | null }>(
    "select min(cleared_at_ms)::float8 as ms from withdrawal where state in ('cleared', 'planned', 'signing')",
  );
  return rows[0]?.ms ?? null;
}
