// All SQL about the semi-offline zone's reports: which numbers arrived, which did not, and when the zone last spoke.
import { createHash } from "node:crypto";
import type { OpenedOf } from "@sluice/contracts";
import { OperatingError } from "@sluice/messaging";
import type { ReportWatch } from "@sluice/online-rules";
import type { Queryable, Transaction } from "@sluice/postgres";

type Noted = ReportWatch["noted"][number];

/** Notes that a report arrived, in the transaction in which it takes effect. */
export async function noteReport(tx: Transaction, report: OpenedOf<"risk.reported.v1">, nowMs: number): Promise<void> {
  const { message, occurredAtMs, envelope } = report;
  const { number } = message;
  await knowUpTo(tx, number, occurredAtMs, nowMs);
  const sha256 = createHash("sha256").update(envelope).digest();
  const { rowCount } = await tx.query(
    "insert into report_number (number, envelope_sha256, arrived_at_ms) values ($1, $2, $3) on conflict do nothing",
    [number, sha256, nowMs],
  );
  await tx.query("delete from report_alarm where code = 'REPORTS_MISSING' and number = $1", [number]);
  if (rowCount === 1) return;
  const question = "select from report_number where number = $1 and envelope_sha256 = $2";
  const { rowCount: same } = await tx.query(question, [number, sha256]);
  if (same === 1) return;
  // Each time anew, whatever a person has acknowledged before.
  await tx.query(
    `insert into report_alarm (code, number, since_ms) values ('REPORT_NUMBER_REUSED', $1, $2)
     on conflict (code, number) do update set since_ms = $2, acknowledged_at_ms = null`,
    [number, nowMs],
  );
}

/** Notes what the zone says of itself; what is older than the newest is no news. */
export async function noteZone(tx: Transaction, word: OpenedOf<"zone.reported.v1">, nowMs: number): Promise<void> {
  const { message, occurredAtMs: toldAtMs } = word;
  const { rows } = await tx.query<{ highest: bigint; highestToldAtMs: number }>(
    `update report_watch set zone_heard_at_ms = $1, zone_told_at_ms = $2 where zone_told_at_ms < $2
     returning highest_number as highest, highest_told_at_ms::float8 as "highestToldAtMs"`,
    [nowMs, toldAtMs],
  );
  const known = rows[0];
  if (known === undefined || !message.databaseReady) return;
  const { highest, highestToldAtMs } = known;
  if (message.lastReportNumber >= highest) return knowUpTo(tx, message.lastReportNumber, toldAtMs, nowMs);
  // A report that the zone was just making may be here before its word from a moment earlier.
  if (toldAtMs - highestToldAtMs <= OVERTAKING_MS) return;
  // Said again with every word of the zone, so that an acknowledgement holds until the numbers go further.
  await tx.query(
    "insert into report_alarm (code, number, since_ms) values ('REPORTS_ROLLED_BACK', $1, $2) on conflict do nothing",
    [highest, nowMs],
  );
}

/** No transaction of the zone takes so long, from the time that its report names to its end. */
const OVERTAKING_MS = 60_000;

/** Every number up to this one was given: those that are not here yet are missing from now on. */
async function knowUpTo(tx: Transaction, number: bigint, toldAtMs: number, nowMs: number): Promise<void> {
  const { rows } = await tx.query<{ highest_number: bigint }>("select highest_number from report_watch for update");
  const highest = rows[0]?.highest_number ?? 0n;
  if (number <= highest) return;
  if (number - highest > FURTHEST) {
    throw new OperatingError("REPORT_NUMBER_FAR", "park", `${number} is far beyond ${highest}, the highest so far`);
  }
  await tx.query(
    `insert into report_alarm (code, number, since_ms)
     select 'REPORTS_MISSING', number, $3 from generate_series($1::bigint + 1, $2::bigint) as number`,
    [highest, number, nowMs],
  );
  await tx.query("update report_watch set highest_number = $1, highest_told_at_ms = $2", [number, toldAtMs]);
}

/** A gap is kept number by number; one like this is a fault of another kind, and a person's. */
const FURTHEST = 100_000n;

export async function readReportWatch(database: Queryable): Promise<ReportWatch> {
  const { rows } = await database.query<Omit<ReportWatch, "noted">>(
    `select zone_heard_at_ms::float8 as "zoneHeardAtMs", zone_told_at_ms::float8 as "zoneToldAtMs" from report_watch`,
  );
  const { rows: noted } = await database.query<Noted>(
    `select code, number, since_ms::float8 as "sinceMs" from report_alarm where acknowledged_at_ms is null
     order by number limit 1000`,
  );
  return { zoneHeardAtMs: 0, zoneToldAtMs: 0, ...rows[0], noted };
}

/** A person has looked: what is noted now gives no alarm any more. What is noted later does. */
export async function acknowledgeAlarms(tx: Transaction, nowMs: number): Promise<number> {
  const { rowCount } = await tx.query(
    "update report_alarm set acknowledged_at_ms = $1 where acknowledged_at_ms is null",
    [nowMs],
  );
  return rowCount;
}

/** When the zone last refused a withdrawal of each account for something that was its own; absent for not since then. */
export async function refusedOfflineAtMs(
  database: Queryable,
  accounts: readonly { readonly account: string; readonly sinceMs: number }[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ account: string; ms: number }>(
    `select k.account, max(f.at_ms)::float8 as ms
     from unnest($1::text[], $2::bigint[]) as k (account, since_ms)
     join withdrawal w on w.account = k.account and w.state = 'refused'
     join finding f on f.withdrawal_id = w.id and f.found_by = 'semi-offline-risk' and f.verdict = 'refuse' and f.at_ms > k.since_ms
     group by k.account`,
    [accounts.map(({ account }) => account), accounts.map(({ sinceMs }) => sinceMs)],
  );
  return new Map(rows.map(({ account, ms }) => [account, ms]));
}
