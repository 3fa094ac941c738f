// What the database says of a run: when each withdrawal was stored and when its verdict was committed, by the server's own clock; and
// by which plans a batch reads.
import type { Pool } from "@sluice/postgres";

/** Waits until everything that was accepted has its verdict. */
export async function measureVerdicts(pool: Pool, run: string, accepted: number) {
  const own = `id like '${run}-%'`;
  for (let tries = 0; ; tries += 1) {
    const { rows } = await pool.query<{ waiting: bigint; all: bigint }>(
      `select count(*) filter (where state = 'received') as waiting, count(*) as all from withdrawal where ${own}`,
    );
    const [{ waiting = 0n, all = 0n } = {}] = rows;
    if (all !== BigInt(accepted)) throw new Error(`${accepted} were accepted and ${all} are stored`);
    if (waiting === 0n) break;
    if (tries > 600) throw new Error(`${waiting} have no verdict`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  // A verdict is the newest change of its row; nothing comes after it here. Its batch is the transaction that made it.
  const { rows } = await pool.query<Record<string, number | Record<string, number>>>(
    `with verdict as (
       select w.state, w.changed_at_ms, w.xmin::text as batch, pg_xact_commit_timestamp(w.xmin) as judged,
         pg_xact_commit_timestamp(r.xmin) as stored, w.received_at_ms
       from withdrawal w join withdrawal_request r on r.withdrawal_id = w.id where w.${own}
     ), batch as (
       select count(*) as size, extract(epoch from min(judged)) * 1000 - min(changed_at_ms) as ms from verdict group by batch
     ), waited as (
       select extract(epoch from judged - stored) * 1000 as ms from verdict
     )
     select (select jsonb_object_agg(state, n) from (select state, count(*) as n from verdict group by 1) by_state) as verdicts,
       (select ${shares("ms")} from waited) as "storedToVerdictMs",
       (select ${shares("ms")} from batch) as "batchMs",
       (select ${shares("ms / size")} from batch) as "batchMsPerVerdict",
       (select ${shares("size")} from batch) as "batchSize"`,
  );
  return rows[0] ?? {};
}

function shares(what: string): string {
  const part = (of: number) => `round((percentile_disc(${of}) within group (order by ${what}))::numeric, 3)`;
  return `jsonb_build_object('p50', ${part(0.5)}, 'p99', ${part(0.99)}, 'p99.9', ${part(0.999)}, 'most', ${part(1)})`;
}

/** Tables that are read from end to end since the server counts: none of the large ones may be. */
export async function explainBatch(
  pool: Pool,
): Promise<Readonly<Record<string, { readonly whole: number; readonly byIndex: number }>>> {
  const { rows } = await pool.query<{ name: string; whole: number; byIndex: number }>(
    `select relname as name, seq_scan::float8 as whole, coalesce(idx_scan, 0)::float8 as "byIndex" from pg_stat_user_tables
     where n_live_tup > 10000 or relname in ('withdrawal', 'signal') order by relname`,
  );
  return Object.fromEntries(rows.map(({ name, whole, byIndex }) => [name, { whole, byIndex }]));
}
