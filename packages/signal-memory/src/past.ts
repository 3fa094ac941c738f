// All SQL about what was requested and cleared before, by whose it is counted together with.
import type { Asset } from "@sluice/core";
import type { PastWithdrawal, VelocityScope } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import type { Login } from "@sluice/signals";
import type { Requested } from "./behaviour.ts";

/** From what the accounts were withdrawn, as far as it was known when each was judged. */
export async function noteSessions(
  tx: Transaction,
  noted: readonly { readonly id: string; readonly session: Login }[],
): Promise<void> {
  if (noted.length === 0) return;
  await tx.query(
    `insert into withdrawal_session (withdrawal_id, device, ip) select * from unnest($1::text[], $2::text[], $3::text[])
     on conflict (withdrawal_id) do update set device = excluded.device, ip = excluded.ip`,
    [noted.map(({ id }) => id), noted.map(({ session }) => session.device), noted.map(({ session }) => session.ip)],
  );
}

const ASKED = "unnest($1::text[], $2::bigint[]) as k (value, after_ms)";
const COLUMNS = `k.value, w.cleared_at_ms::float8 as "atMs", w.asset, w.amount_minor as "amountMinor", 1 as count`;
const PAID = "w.cleared_at_ms > k.after_ms and w.state not in ('refused', 'failed')";
const BY_SESSION = (column: "device" | "ip") => `select ${COLUMNS} from ${ASKED}
  join withdrawal_session s on s.${column} = k.value join withdrawal w on w.id = s.withdrawal_id where ${PAID}`;
const BY_MINUTE = `select k.value, (m.minute_ms + 59999)::float8 as "atMs", m.asset, m.amount_minor as "amountMinor", m.count
  from ${ASKED} join cleared_minute m on m.minute_ms > k.after_ms - 59999`;

/** Whatever counts over all accounts is summed by the minute, and counts to the end of it. */
const CLEARED: Readonly<Record<VelocityScope, string>> = {
  account: `select ${COLUMNS} from ${ASKED} join withdrawal w on w.account = k.value where ${PAID}`,
  destination: `select ${COLUMNS} from ${ASKED} join withdrawal w on w.script_pubkey = decode(k.value, 'hex') where ${PAID}`,
  device: BY_SESSION("device"),
  ip: BY_SESSION("ip"),
  asset: `${BY_MINUTE} and m.asset = k.value`,
  all: BY_MINUTE,
};

export type AskedCleared = { readonly over: VelocityScope; readonly value: string; readonly afterMs: number };

/** By scope and value; a statement for each scope that is asked for. */
export async function listCleared(
  tx: Transaction,
  asked: readonly AskedCleared[],
): Promise<ReadonlyMap<string, readonly PastWithdrawal[]>> {
  const found = new Map<string, PastWithdrawal[]>(asked.map(({ over, value }) => [`${over}:${value}`, []]));
  for (const [over, own] of Map.groupBy(asked, (one) => one.over)) {
    type Row = { value: string; atMs: number; asset: Asset; amountMinor: string; count: number };
    const { rows } = await tx.query<Row>(CLEARED[over], [
      own.map(({ value }) => value),
      own.map(({ afterMs }) => afterMs),
    ]);
    for (const { value, atMs, asset, amountMinor, count } of rows) {
      found.get(`${over}:${value}`)?.push({ atMs, asset, amountMinor: BigInt(amountMinor), count });
    }
  }
  return found;
}

/** The newest that each account requested, but for what the rules refused. */
export async function listRequested(
  tx: Transaction,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, readonly Requested[]>> {
  type Row = { account: string; id: string; atMs: number; asset: Asset; amountMinor: string };
  const { rows } = await tx.query<Row>(
    `select account, id, received_at_ms::float8 as "atMs", asset, amount_minor as "amountMinor"
     from unnest($1::text[]) as k,
       lateral (select * from withdrawal where account = k order by number desc limit 500) newest
     where state not in ('rejected', 'cancelled')`,
    [accounts],
  );
  const read = rows.map(({ amountMinor, ...row }) => ({ ...row, amountMinor: BigInt(amountMinor) }));
  return Map.groupBy(read, ({ account }) => account);
}

type FanIn = { readonly destinationAccounts: number; readonly destinationSeenAtMs: number | null };

/** In the order of what was asked. */
export async function loadFanIn(
  tx: Transaction,
  asked: readonly { readonly scriptPubKey: Uint8Array; readonly afterMs: number }[],
): Promise<readonly FanIn[]> {
  const { rows } = await tx.query<FanIn>(
    `select (select count(*)::float8 from (select from destination where script_pubkey = k.script and first_seen_at_ms > k.after_ms
               limit 10000) lately) as "destinationAccounts",
            (select min(first_seen_at_ms)::float8 from destination where script_pubkey = k.script) as "destinationSeenAtMs"
     from unnest($1::bytea[], $2::bigint[]) with ordinality as k (script, after_ms, place) order by place`,
    [asked.map(({ scriptPubKey }) => scriptPubKey), asked.map(({ afterMs }) => afterMs)],
  );
  return rows;
}
