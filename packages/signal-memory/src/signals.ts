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

/** Of an account until a moment: of each kind the newest, however old, so that an account that slept for long is no new one. */
export async function loadSignals(database: Queryable, account: string, untilMs: number): Promise<readonly Signal[]> {
  const { rows } = await database.query<{ id: string; atMs: number; type: string; content: object }>(
    `select s.id, s.at_ms::float8 as "atMs", s.type, s.content
     from unnest(array['login', 'credential', 'deposit', 'profit', 'balance']) kind,
       lateral (select * from signal where account = $1 and type = kind and at_ms <= $2
                order by at_ms desc, id desc limit ${MOST_OF_A_KIND}) s`,
    [account, untilMs],
  );
  return rows.map(({ id, atMs, type, content }) =>
    readSignal({ ...content, id, account, type, at: new Date(atMs).toISOString() } as ToldSignal),
  );
}

/** Different accounts with a log-in from a device within a stretch of time, counted to a bound. */
export async function countDeviceAccounts(
  database: Queryable,
  device: string,
  afterMs: number,
  untilMs: number,
): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(distinct account)::float8 as count from (
       select account from signal where device = $1 and at_ms > $2 and at_ms <= $3
         and (content ->> 'succeeded')::boolean order by at_ms desc limit 10000) newest`,
    [device, afterMs, untilMs],
  );
  return rows[0]?.count ?? 0;
}
