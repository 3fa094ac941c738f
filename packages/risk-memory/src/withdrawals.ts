// All SQL about withdrawals: where each stands, its history, and what waits to be judged.
import type { ListQuery, WithdrawalDetails } from "@sluice/client/api";
import type { Priority } from "@sluice/contracts";
import type { Asset, Withdrawal } from "@sluice/core";
import type { Quote } from "@sluice/online-rules";
import type { Queryable, Transaction } from "@sluice/postgres";
import { FAILING, type Failing } from "./conflicts.ts";

/** A withdrawal as it is stored: what the state machine remembers, and what it is about. */
export type Stored = Withdrawal & {
  /** Rises in order of receipt. */
  readonly number: bigint;
  readonly account: string;
  readonly asset: Asset;
  readonly amountMinor: bigint;
  readonly address: string;
  readonly scriptPubKey: Uint8Array;
  readonly priority: Priority;
  /** As quoted when it was received: who pays the fee, and how much of the minor unit the customer would be charged. */
  readonly feePayer: Quote["payer"];
  readonly feeMinor: bigint;
  /** The key that requested it. */
  readonly keyId: string;
  readonly detail: string;
  readonly revision: number;
  readonly transactionId: string | null;
  readonly confirmations: number;
  readonly requiredConfirmations: number | null;
  readonly receivedAtMs: number;
  readonly changedAtMs: number;
  readonly clearedAtMs: number | null;
};

export type NewWithdrawal = Pick<
  Stored,
  | "id"
  | "state"
  | "account"
  | "asset"
  | "amountMinor"
  | "address"
  | "scriptPubKey"
  | "priority"
  | "feePayer"
  | "feeMinor"
  | "keyId"
  | "detail"
  | "receivedAtMs"
>;

/** Stores the first revision of withdrawals whose requests are stored: 1, unless a lost one was told of before. In their order. */
export async function insertWithdrawals(tx: Transaction, items: readonly NewWithdrawal[]): Promise<readonly Stored[]> {
  const { rows } = await tx.query<Row>(
    `with given as (
       select * from rows from (jsonb_to_recordset($1::jsonb) as (id text, account text, asset text, amount_minor numeric,
         address text, script_pubkey bytea, key_id text, state text, detail text, received_at_ms bigint, priority text,
         fee_payer text, fee_minor numeric)) with ordinality as g (id, account, asset, amount_minor, address, script_pubkey, key_id, state,
         detail, received_at_ms, priority, fee_payer, fee_minor, place)
     ), lost as (
       delete from lost_withdrawal where id in (select id from given) returning id, revision, ended
     ), stored as (
       insert into withdrawal (id, account, asset, amount_minor, address, script_pubkey, key_id, state, detail, revision,
         received_at_ms, changed_at_ms, priority, fee_payer, fee_minor)
       select id, account, asset, amount_minor, address, script_pubkey, key_id, coalesce(ended, state), detail, 1 + coalesce(revision, 0),
         received_at_ms, received_at_ms, priority, fee_payer, fee_minor
       from given left join lost using (id) order by place returning *
     ), told as (
       insert into withdrawal_change (withdrawal_id, revision, state, at_ms, detail)
       select id, revision, state, changed_at_ms, detail from stored
     )
     select ${COLUMNS} from stored order by number`,
    [
      JSON.stringify(
        items.map((item) => ({
          ...{ id: item.id, account: item.account, asset: item.asset, amount_minor: `${item.amountMinor}` },
          ...{ address: item.address, script_pubkey: `\\x${Buffer.from(item.scriptPubKey).toString("hex")}` },
          ...{ key_id: item.keyId, state: item.state, detail: item.detail, received_at_ms: item.receivedAtMs },
          ...{ priority: item.priority, fee_payer: item.feePayer, fee_minor: `${item.feeMinor}` },
        })),
      ),
    ],
  );
  return rows.map(storedOf);
}

/** Saves the revision that follows the stored one of each; the ids of those of which another one is stored by now. */
export async function saveWithdrawals(tx: Transaction, nexts: readonly Stored[]): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `with next as (
       select * from jsonb_to_recordset($1::jsonb) as n (id text, revision integer, state text, detail text,
         not_before_ms bigint, approvals_required integer, approved_by text[], attempt integer, chain_revision bigint,
         transaction_id text, confirmations integer, required_confirmations integer, changed_at_ms bigint, cleared_at_ms bigint)
     ), saved as (
       update withdrawal w set revision = n.revision, state = n.state, detail = n.detail, not_before_ms = n.not_before_ms,
         approvals_required = n.approvals_required, approved_by = n.approved_by, attempt = n.attempt,
         chain_revision = n.chain_revision, transaction_id = n.transaction_id, confirmations = n.confirmations,
         required_confirmations = n.required_confirmations, changed_at_ms = n.changed_at_ms, cleared_at_ms = n.cleared_at_ms
       from next n where w.id = n.id and w.revision = n.revision - 1 returning w.id
     ), told as (
       insert into withdrawal_change (withdrawal_id, revision, state, at_ms, detail)
       select id, revision, state, changed_at_ms, detail from next where id in (select id from saved)
     )
     select id from saved`,
    [
      JSON.stringify(
        nexts.map((next) => ({
          ...{ id: next.id, revision: next.revision, state: next.state, detail: next.detail, attempt: next.attempt },
          ...{ not_before_ms: next.notBeforeMs, approvals_required: next.approvalsRequired },
          ...{ approved_by: next.approvedBy, chain_revision: next.chainRevision, transaction_id: next.transactionId },
          ...{ confirmations: next.confirmations, required_confirmations: next.requiredConfirmations },
          ...{ changed_at_ms: next.changedAtMs, cleared_at_ms: next.clearedAtMs },
        })),
      ),
    ],
  );
  const saved = new Set(rows.map(({ id }) => id));
  return nexts.map(({ id }) => id).filter((id) => !saved.has(id));
}

/** How far the changes of a withdrawal were told, and whether it was ended before anything was cleared. */
export type LastTold = { readonly revision: number; readonly ended: "cancelled" | "rejected" | null };

/** Of withdrawals that are known, and of those that are not any more. */
export async function keepTold(database: Queryable, told: ReadonlyMap<string, LastTold>): Promise<void> {
  const all = [...told.values()];
  const given = [[...told.keys()], all.map(({ revision }) => revision), all.map(({ ended }) => ended)];
  const rows = "unnest($1::text[], $2::integer[], $3::text[]) as told (id, revision, ended)";
  await database.query(
    `with moved as (
       update withdrawal set revision = greatest(withdrawal.revision, told.revision),
         state = case when withdrawal.state in ('received', 'held', 'delayed') then coalesce(told.ended, withdrawal.state)
                 else withdrawal.state end
       from ${rows} where withdrawal.id = told.id and told.revision > withdrawal.revision
       returning withdrawal.id, withdrawal.revision, withdrawal.state, changed_at_ms, ended
     )
     insert into withdrawal_change (withdrawal_id, revision, state, at_ms, detail)
     select id, revision, state, changed_at_ms, 'brought back' from moved where state = ended on conflict do nothing`,
    given,
  );
  await database.query(
    `insert into lost_withdrawal (id, revision, ended) select id, revision, ended from ${rows}
     where not exists (select from withdrawal where withdrawal.id = told.id)
     on conflict (id) do update set revision = greatest(lost_withdrawal.revision, excluded.revision),
       ended = coalesce(lost_withdrawal.ended, excluded.ended)`,
    given,
  );
}

/** Those that the backend has to repeat, with how many there are in all. */
export async function listLost(
  database: Queryable,
): Promise<{ readonly count: number; readonly ids: readonly string[] }> {
  const { rows } = await database.query<{ count: number; ids: readonly string[] | null }>(
    `select (select count(*)::float8 from lost_withdrawal) as count,
            (select array_agg(id order by id) from (select id from lost_withdrawal order by id limit 10000) first) as ids`,
  );
  return { count: rows[0]?.count ?? 0, ids: rows[0]?.ids ?? [] };
}

export async function noteClearance(tx: Transaction, id: string, clearedAtMs: number): Promise<void> {
  await tx.query("update withdrawal set cleared_at_ms = $2 where id = $1", [id, clearedAtMs]);
}

/** Of one that is known as undecided and was cleared since. False when there is nothing to bring back. */
export async function clearKnown(tx: Transaction, id: string, clearedAtMs: number): Promise<boolean> {
  const { rowCount } = await tx.query(
    `with moved as (
       update withdrawal set state = 'cleared', cleared_at_ms = $2, revision = revision + 1, detail = $3
       where id = $1 and state in ('received', 'held', 'delayed') returning revision
     )
     insert into withdrawal_change (withdrawal_id, revision, state, at_ms, detail)
     select $1, revision, 'cleared', $2, $3 from moved`,
    [id, clearedAtMs, "brought back from its clearance"],
  );
  return rowCount === 1;
}

/** A withdrawal with its history, its findings, and what is known of its failing. */
export type Whole = Pick<WithdrawalDetails, "history" | "findings"> & {
  readonly stored: Stored;
  readonly failing: Failing;
  /** The exact text that was signed; null where only its clearance is known. */
  readonly requestBody: string | null;
};

/** In one statement, so that all of it is as of one moment, whatever is changed meanwhile. */
export async function readWhole(database: Queryable, id: string): Promise<Whole | undefined> {
  const { rows } = await database.query<Row & Omit<Whole, "stored">>(
    `select ${COLUMNS},
       (select coalesce(json_agg(json_build_object('state', state, 'atMs', at_ms, 'detail', detail) order by revision), '[]')
        from withdrawal_change where withdrawal_id = withdrawal.id) as history,
       (select coalesce(json_agg(json_build_object('by', found_by, 'rule', rule, 'verdict', verdict, 'reason', reason,
                                                   'evidence', evidence, 'atMs', at_ms, 'policyVersion', policy_version) order by id), '[]')
        from finding where withdrawal_id = withdrawal.id) as findings,
       ${FAILING} as failing,
       (select convert_from(body, 'UTF8') from withdrawal_request where withdrawal_id = withdrawal.id) as "requestBody"
     from withdrawal where id = $1`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { history, findings, failing, requestBody, ...stored } = row;
  return { stored: storedOf(stored), history, findings, failing, requestBody };
}

export async function findWithdrawal(tx: Transaction, id: string): Promise<Stored | undefined> {
  const { rows } = await tx.query<Row>(`select ${COLUMNS} from withdrawal where id = $1`, [id]);
  return rows.map(storedOf)[0];
}

/** Finds and locks until the end of the transaction, so that changes of one withdrawal come one after the other. */
export async function lockWithdrawal(tx: Transaction, id: string): Promise<Stored | undefined> {
  const { rows } = await tx.query<Row>(`select ${COLUMNS} from withdrawal where id = $1 for update`, [id]);
  return rows.map(storedOf)[0];
}

export type Listed = Omit<ListQuery, "address"> & { readonly scriptPubKey?: Uint8Array | undefined };

/** Newest first, one more than asked for, so that the caller sees whether there is a next page. */
export async function listWithdrawals(
  database: Queryable,
  {
    state,
    account,
    scriptPubKey,
    asset,
    amountMin,
    amountMax,
    receivedFromMs,
    receivedBeforeMs,
    cursor,
    limit,
  }: Listed,
  accounts: readonly string[] | null,
): Promise<readonly Stored[]> {
  const { rows } = await database.query<Row>(
    `select ${COLUMNS} from withdrawal
     where ($1::text is null or state = $1) and ($2::text is null or account = $2)
       and ($3::bigint is null or number < $3) and ($4::text[] is null or account = any($4))
       and ($6::bytea is null or script_pubkey = $6) and ($7::text is null or asset = $7)
       and ($8::numeric is null or amount_minor >= $8) and ($9::numeric is null or amount_minor <= $9)
       and ($10::bigint is null or received_at_ms >= $10) and ($11::bigint is null or received_at_ms < $11)
     order by number desc limit $5`,
    [
      ...[state ?? null, account ?? null, cursor ?? null, accounts, limit + 1, scriptPubKey ?? null, asset ?? null],
      ...[amountMin ?? null, amountMax ?? null, receivedFromMs ?? null, receivedBeforeMs ?? null],
    ],
  );
  return rows.map(storedOf);
}

export async function countByState(database: Queryable): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ state: string; count: number }>(
    "select state, count(*)::float8 as count from withdrawal group by state",
  );
  return new Map(rows.map(({ state, count }) => [state, count]));
}

// Times as float8: whole milliseconds are exact in it for the next 280,000 years, and arrive as numbers.
export const COLUMNS = `id, number, account, asset, amount_minor as "amountMinor", address, script_pubkey as "scriptPubKey",
  priority, fee_payer as "feePayer", fee_minor as "feeMinor", key_id as "keyId", state, detail, revision, not_before_ms::float8 as "notBeforeMs",
  approvals_required as "approvalsRequired", approved_by as "approvedBy", attempt,
  chain_revision::float8 as "chainRevision",
  transaction_id as "transactionId", confirmations, required_confirmations as "requiredConfirmations",
  received_at_ms::float8 as "receivedAtMs", changed_at_ms::float8 as "changedAtMs",
  cleared_at_ms::float8 as "clearedAtMs"`;

export type Row = Omit<Stored, "amountMinor" | "feeMinor"> & {
  readonly amountMinor: string;
  readonly feeMinor: string;
};

export function storedOf(row: Row): Stored {
  return { ...row, amountMinor: BigInt(row.amountMinor), feeMinor: BigInt(row.feeMinor) };
}
