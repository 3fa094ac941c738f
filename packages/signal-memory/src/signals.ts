// All SQL about signals. Each is stored once for its account and id, and never changed: the state is the set of them.
import type { Queryable, Transaction } from "@sluice/postgres";
import { type Outcome, readSignal, type Signal, signalSchema, type ToldSignal } from "@sluice/signals";

/** Known when it was told before, word for word; a conflict when the id stands for something else. */
export async function storeSignal(tx: Transaction, told: ToldSignal, receivedAtMs: number): Promise<Outcome> {
  const { id, account, at, type, ...content } = signalSchema.parse(told);
  const atMs = Date.parse(at);
  const { device = null, ip = null } = "device" in content ? content : {};
  const row = [account, id, atMs, type, device, ip, JSON.stringify(content), receivedAtMs];
  const { rowCount } = await tx.query(
    `insert into signal (account, id, at_ms, type, device, ip, content, received_at_ms)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (account, id) do nothing`,
    row,
  );
  if (rowCount === 1) return "stored";
  const { rows } = await tx.query<{ same: boolean }>(
    "select at_ms = $3 and type = $4 and content = $5::jsonb as same from signal where account = $1 and id = $2",
    [account, id, atMs, type, JSON.stringify(content)],
  );
  return rows[0]?.same === true ? "known" : "conflict";
}

/** More of one kind than this is a flood, and the newest say most. */
const MOST_OF_A_KIND = 1_000;

/**
 * Of each account until a moment: of each kind the newest, however old, so that an account that slept for long is no new one. An
 * error for an account of which something cannot be read: the others do not fail with it.
 */
export async function loadSignals(
  database: Queryable,
  accounts: readonly { readonly account: string; readonly nowMs: number }[],
): Promise<ReadonlyMap<string, readonly Signal[] | Error>> {
  const { rows } = await database.query<Row>(
    `select s.account, s.id, s.at_ms::float8 as "atMs", s.type, s.content
     from unnest($1::text[], $2::bigint[]) as k (account, until_ms),
       unnest(array['login', 'credential', 'deposit', 'profit', 'balance']) kind,
       lateral (select * from signal where account = k.account and type = kind and at_ms <= k.until_ms
                order by at_ms desc, id desc limit ${MOST_OF_A_KIND}) s`,
    [accounts.map(({ account }) => account), accounts.map(({ nowMs }) => nowMs)],
  );
  const byAccount = Map.groupBy(rows, ({ account }) => account);
  return new Map([...byAccount].map(([account, own]) => [account, readAll(own)]));
}

type Row = {
  readonly account: string;
  readonly id: string;
  readonly atMs: number;
  readonly type: string;
  readonly content: object;
};

function readAll(rows: readonly Row[]): readonly Signal[] | Error {
  try {
    return rows.map(({ id, atMs, type, content, account }) =>
      readSignal({ ...content, id, account, type, at: new Date(atMs).toISOString() } as ToldSignal),
    );
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export type DeviceAsked = { readonly device: string | null; readonly afterMs: number; readonly untilMs: number };

/** In the order of what was asked: different accounts with a log-in from a device within a stretch of time, counted to a bound. */
export async function countDeviceAccounts(
  database: Queryable,
  asked: readonly DeviceAsked[],
): Promise<readonly number[]> {
  const { rows } = await database.query<{ place: number; count: number }>(
    `select k.place::integer, (select count(distinct account)::float8 from (
         select account from signal where device = k.device and at_ms > k.after_ms and at_ms <= k.until_ms
           and (content ->> 'succeeded')::boolean order by at_ms desc limit 10000) newest) as count
     from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality as k (device, after_ms, until_ms, place)`,
    [asked.map(({ device }) => device), asked.map(({ afterMs }) => afterMs), asked.map(({ untilMs }) => untilMs)],
  );
  const counts = new Map(rows.map(({ place, count }) => [place, count]));
  return asked.map((_, at) => counts.get(at + 1) ?? 0);
}
