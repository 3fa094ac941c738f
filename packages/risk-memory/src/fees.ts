// All SQL about what nodes say a block asks for.
import type { FeeEstimates } from "@sluice/online-rules";
import type { Queryable, Transaction } from "@sluice/postgres";

/** Keeps the newest only, whichever comes last. */
export async function keepEstimates(tx: Transaction, told: FeeEstimates): Promise<void> {
  const { estimates, minimumSatPerKvbyte, estimatedAtMs } = told;
  const rows = estimates.map(({ targetBlocks, satPerKvbyte }) => ({ targetBlocks, satPerKvbyte: `${satPerKvbyte}` }));
  await tx.query(
    `insert into fee_estimate (estimates, minimum_sat_per_kvbyte, estimated_at_ms) values ($1, $2, $3)
     on conflict (only_one) do update set estimates = $1, minimum_sat_per_kvbyte = $2, estimated_at_ms = $3
     where fee_estimate.estimated_at_ms < $3`,
    [JSON.stringify(rows), minimumSatPerKvbyte, estimatedAtMs],
  );
}

export async function readEstimates(database: Queryable): Promise<FeeEstimates | null> {
  type Row = Omit<FeeEstimates, "estimates"> & {
    readonly estimates: readonly { readonly targetBlocks: number; readonly satPerKvbyte: string }[];
  };
  const { rows } = await database.query<Row>(
    `select estimates, minimum_sat_per_kvbyte as "minimumSatPerKvbyte", estimated_at_ms::float8 as "estimatedAtMs"
     from fee_estimate`,
  );
  const [row] = rows;
  if (row === undefined) return null;
  const estimates = row.estimates.map(({ targetBlocks, satPerKvbyte }) => ({
    targetBlocks,
    satPerKvbyte: BigInt(satPerKvbyte),
  }));
  return { ...row, estimates };
}
