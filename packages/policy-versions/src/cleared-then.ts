// What was cleared before a judgement, by whose it was counted together with. Nothing that was cleared or refused later changes it.
import type { PastWithdrawal, VelocityScope } from "@sluice/online-rules";
import type { Queryable } from "@sluice/postgres";
import type { Login } from "@sluice/signals";
import type { Judgement, Past } from "./judgements.ts";

export const SCOPES_THEN: readonly VelocityScope[] = ["account", "destination", "device", "ip", "asset", "all"];

/** Null when it is not known whose it counts together with. */
export function scopeValue(over: VelocityScope, past: Past, session: Login | null): string | null {
  switch (over) {
    case "account":
      return past.account;
    case "destination":
      return Buffer.from(past.scriptPubKey).toString("hex");
    case "asset":
      return past.asset;
    case "all":
      return "";
    default:
      return session === null ? null : session[over];
  }
}

export async function listClearedThen(
  database: Queryable,
  over: VelocityScope,
  value: string,
  { nowMs, findingId }: Pick<Judgement, "nowMs" | "findingId">,
  afterMs: number,
): Promise<readonly PastWithdrawal[]> {
  type Row = { atMs: number; asset: PastWithdrawal["asset"]; amountMinor: string; count?: number };
  const isSummed = over === "asset" || over === "all";
  const params = [value, afterMs, nowMs, findingId, nowMs - NEAR_MS, ...(isSummed ? [minuteOf(nowMs - NEAR_MS)] : [])];
  const { rows } = await database.query<Row>(CLEARED[over], params);
  return rows.map(({ atMs, asset, amountMinor, count = 1 }) => ({
    ...{ atMs, asset, count },
    amountMinor: BigInt(amountMinor),
  }));
}

const MINUTE_MS = 60_000;
/** What was cleared within this time around a judgement is ordered by its findings: clocks of instances differ, and one waits for another. */
const NEAR_MS = MINUTE_MS;

function minuteOf(ms: number): number {
  return ms - (ms % MINUTE_MS);
}

const COLUMNS = `w.cleared_at_ms::float8 as "atMs", w.asset, w.amount_minor as "amountMinor"`;
const BEFORE = `w.cleared_at_ms <= $3::bigint + ${NEAR_MS} and (w.cleared_at_ms <= $5
  or exists (select from finding f where f.withdrawal_id = w.id and f.found_by = 'online-risk' and f.at_ms = w.cleared_at_ms and f.id < $4))`;
/** What the zone refused, or people failed, by then did not count. */
const PAID = `not (w.state in ('refused', 'failed') and exists (select from withdrawal_change c
  where c.withdrawal_id = w.id and c.state in ('refused', 'failed') and c.at_ms <= $3))`;
const THEN = `w.cleared_at_ms > $2 and ${BEFORE} and ${PAID}`;

/** By the minute, as it is summed: whole minutes as they stand, and the last ones withdrawal by withdrawal. */
const summed = (where: (table: string) => string) => `
  select (m.minute_ms + 59999)::float8 as "atMs", m.asset, m.amount_minor as "amountMinor", m.count
  from cleared_minute m where ${where("m")} and m.minute_ms + 59999 > $2 and m.minute_ms < $6
  union all
  select (w.cleared_at_ms - w.cleared_at_ms % 60000 + 59999)::float8, w.asset, sum(w.amount_minor), count(*)::integer
  from withdrawal w where ${where("w")} and w.cleared_at_ms >= $6 and w.cleared_at_ms - w.cleared_at_ms % 60000 + 59999 > $2
    and ${BEFORE} group by 1, 2`;

const CLEARED: Readonly<Record<VelocityScope, string>> = {
  account: `select ${COLUMNS} from withdrawal w where w.account = $1 and ${THEN}`,
  destination: `select ${COLUMNS} from withdrawal w where w.script_pubkey = decode($1, 'hex') and ${THEN}`,
  device: `select ${COLUMNS} from withdrawal_session s join withdrawal w on w.id = s.withdrawal_id where s.device = $1 and ${THEN}`,
  ip: `select ${COLUMNS} from withdrawal_session s join withdrawal w on w.id = s.withdrawal_id where s.ip = $1 and ${THEN}`,
  asset: summed((table) => `${table}.asset = $1`),
  all: summed(() => "$1 = ''"),
};
