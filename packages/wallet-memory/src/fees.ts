// All SQL about what nodes estimated.
import { estimateFor } from "@sluice/core";
import type { FeeEstimate } from "@sluice/planning";
import type { Queryable, Transaction } from "@sluice/postgres";

/** So many estimates are what was usual. */
const REMEMBERED = 100;
const LONG_TERM_DAYS = 14;
/** What counts as patient for the long-term rate. */
const PATIENT_BLOCKS = 24;

/** An estimate that came before is known already, and one that is older than those remembered is forgotten at once. */
export async function addFeeEstimate(tx: Transaction, estimate: FeeEstimate): Promise<void> {
  const { estimatedAtMs, minimumSatPerKvbyte, estimates } = estimate;
  const written = estimates.map(({ targetBlocks, satPerKvbyte }) => ({
    targetBlocks,
    satPerKvbyte: `${satPerKvbyte}`,
  }));
  await tx.query("insert into fee_estimate values ($1, $2, $3) on conflict do nothing", [
    estimatedAtMs,
    minimumSatPerKvbyte,
    JSON.stringify(written),
  ]);
  await tx.query(
    `delete from fee_estimate where estimated_at_ms <
       (select estimated_at_ms from fee_estimate order by estimated_at_ms desc offset ${REMEMBERED - 1} limit 1)`,
  );
  await tx.query(
    `insert into fee_hour values (date_trunc('hour', to_timestamp($1::numeric / 1000)), $2) on conflict do nothing`,
    [estimatedAtMs, estimateFor(estimates, PATIENT_BLOCKS) ?? 0n],
  );
  await tx.query(`delete from fee_hour where hour < now() - interval '${LONG_TERM_DAYS} days'`);
}

export async function feeHistory(database: Queryable): Promise<readonly FeeEstimate[]> {
  const { rows } = await database.query<{
    estimatedAtMs: bigint;
    minimumSatPerKvbyte: bigint;
    estimates: readonly { readonly targetBlocks: number; readonly satPerKvbyte: string }[];
  }>(
    `select estimated_at_ms as "estimatedAtMs", minimum_sat_per_kvbyte as "minimumSatPerKvbyte", estimates
     from fee_estimate order by estimated_at_ms desc`,
  );
  return rows.map(({ estimatedAtMs, minimumSatPerKvbyte, estimates }) => ({
    estimatedAtMs: Number(estimatedAtMs),
    minimumSatPerKvbyte,
    estimates: estimates.map((each) => ({ ...each, satPerKvbyte: BigInt(each.satPerKvbyte) })),
  }));
}

/** The median hour of the last weeks; null while a day of history is not there yet. */
export async function longTermFeeRate(database: Queryable): Promise<bigint | null> {
  const { rows } = await database.query<{ rate: bigint | null }>(
    `select case when count(*) >= 24 then (percentile_disc(0.5) within group (order by sat_per_kvbyte))::bigint end as rate
     from fee_hour`,
  );
  return rows[0]?.rate ?? null;
}
