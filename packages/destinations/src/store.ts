// All SQL about allow-lists. The tables are made by the migrations of online-risk; whoever calls has the transaction.
import type { AllowListFacts } from "@sluice/online-rules";
import type { Queryable, Transaction } from "@sluice/postgres";

/** Whose list it is; null: the one whose destinations every account may use. */
export type ListOwner = string | null;

export type Entry = {
  /** Rises with each that is added. */
  readonly id: bigint;
  readonly address: string;
  readonly label: string;
  readonly addedBy: string;
  readonly addedAtMs: number;
  /** It counts from then on. */
  readonly activeFromMs: number;
};

const COLUMNS = `id, address, label, added_by as "addedBy", added_at_ms::float8 as "addedAtMs",
  active_from_ms::float8 as "activeFromMs"`;
const OF_OWNER = "account is not distinct from $1 and removed_at_ms is null";

export type AskedAllowed = { readonly account: string; readonly scriptPubKey: Uint8Array; readonly nowMs: number };

/** What the rules ask, in the order of what was asked; null while the account has no list in force. */
export async function loadAllowed(
  database: Queryable,
  asked: readonly AskedAllowed[],
): Promise<readonly (AllowListFacts | null)[]> {
  const { rows } = await database.query<AllowListFacts & { readonly place: number }>(
    `select k.place::integer,
       (select min(active_from_ms)::float8 from allowed_destination a
        where (a.account = k.account or a.account is null) and a.script_pubkey = k.script and removed_at_ms is null) as "activeFromMs"
     from unnest($1::text[], $2::bytea[], $3::bigint[]) with ordinality as k (account, script, now_ms, place)
     join allow_list l on l.account = k.account and (l.enforced_until_ms is null or l.enforced_until_ms > k.now_ms)`,
    [
      asked.map(({ account }) => account),
      asked.map(({ scriptPubKey }) => scriptPubKey),
      asked.map(({ nowMs }) => nowMs),
    ],
  );
  const found = new Map(rows.map(({ place, ...facts }) => [place, facts]));
  return asked.map((_, at) => found.get(at + 1) ?? null);
}

export async function listEntries(
  database: Queryable,
  owner: ListOwner,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<readonly Entry[]> {
  const { rows } = await database.query<Entry>(
    `select ${COLUMNS} from allowed_destination where ${OF_OWNER} and ($2::bigint is null or id < $2)
     order by id desc limit $3`,
    [owner, cursor ?? null, limit],
  );
  return rows;
}

export type NewEntry = Pick<Entry, "address" | "label" | "addedBy" | "addedAtMs" | "activeFromMs"> & {
  readonly scriptPubKey: Uint8Array;
};

/** The entry as it stands: what is there already keeps its time. Undefined when the list has `most` and it is none of them. */
export async function addEntry(
  tx: Transaction,
  owner: ListOwner,
  entry: NewEntry,
  most: number,
): Promise<Entry | undefined> {
  // One after the other for each list, so that the count holds.
  await tx.query("select pg_advisory_xact_lock(hashtextextended('allow list ' || coalesce($1, ''), 0))", [owner]);
  const found = await findEntry(tx, owner, entry.scriptPubKey);
  if (found !== undefined) return found;
  const { rows } = await tx.query<Entry>(
    `insert into allowed_destination (account, script_pubkey, address, label, added_by, added_at_ms, active_from_ms)
     select $1, $2, $3, $4, $5, $6, $7
     where (select count(*) from allowed_destination where ${OF_OWNER}) < $8 returning ${COLUMNS}`,
    [
      ...[owner, entry.scriptPubKey, entry.address, entry.label, entry.addedBy, entry.addedAtMs, entry.activeFromMs],
      most,
    ],
  );
  return rows[0];
}

/** False when it was not on the list. The row stays, as what happened. */
export async function removeEntry(
  tx: Transaction,
  owner: ListOwner,
  scriptPubKey: Uint8Array,
  by: string,
  atMs: number,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update allowed_destination set removed_by = $3, removed_at_ms = $4 where ${OF_OWNER} and script_pubkey = $2`,
    [owner, scriptPubKey, by, atMs],
  );
  return rowCount > 0;
}

async function findEntry(tx: Transaction, owner: ListOwner, scriptPubKey: Uint8Array): Promise<Entry | undefined> {
  const { rows } = await tx.query<Entry>(
    `select ${COLUMNS} from allowed_destination where ${OF_OWNER} and script_pubkey = $2`,
    [owner, scriptPubKey],
  );
  return rows[0];
}

export type Enforcement = { readonly isEnforced: boolean; readonly enforcedUntilMs: number | null };

export async function readEnforcement(database: Queryable, account: string, nowMs: number): Promise<Enforcement> {
  const { rows } = await database.query<{ until: number | null }>(
    "select enforced_until_ms::float8 as until from allow_list where account = $1",
    [account],
  );
  const until = rows[0] === undefined ? 0 : rows[0].until;
  const isEnforced = until === null || until > nowMs;
  return { isEnforced, enforcedUntilMs: isEnforced ? until : null };
}

/** On at once; off from `offFromMs` on, and a second word to switch it off makes that no sooner and no later. */
export async function setEnforcement(
  tx: Transaction,
  account: string,
  isOn: boolean,
  { by, nowMs, offFromMs }: { readonly by: string; readonly nowMs: number; readonly offFromMs: number },
): Promise<void> {
  if (isOn) {
    await tx.query(
      `insert into allow_list (account, enforced_until_ms, changed_by, changed_at_ms) values ($1, null, $2, $3)
       on conflict (account) do update set enforced_until_ms = null, changed_by = $2, changed_at_ms = $3`,
      [account, by, nowMs],
    );
    return;
  }
  await tx.query(
    `update allow_list set enforced_until_ms = $4, changed_by = $2, changed_at_ms = $3
     where account = $1 and enforced_until_ms is null`,
    [account, by, nowMs, offFromMs],
  );
}
