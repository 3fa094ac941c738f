// All SQL about suspensions.

import type { Suspend } from "@sluice/client/api";
import type { Queryable, Transaction } from "@sluice/postgres";

export type Kind = Suspend["kind"];

export type Stored = {
  readonly id: string;
  readonly kind: Kind;
  /** What is compared: an account, a scriptPubKey in hexadecimal, an asset, a wallet's id; empty for all. */
  readonly value: string;
  readonly shown: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
  readonly reopenedAtMs: number | null;
  readonly said: readonly Word[];
};

export type Word = { readonly by: string; readonly atMs: number; readonly answers: Readonly<Record<string, string>> };

/** What stands against a withdrawal. */
export type Standing = Pick<Stored, "id" | "kind" | "shown" | "reason" | "atMs">;

type Subject = { readonly account: string; readonly asset: string; readonly scriptPubKey: Uint8Array };

/**
 * Whoever clears something holds this until its transaction ends, and whoever suspends waits for them: what a suspension does not
 * find cleared is cleared after it, and then it is seen.
 */
export async function holdOff(tx: Transaction, as: "clearing" | "suspending"): Promise<void> {
  const shared = as === "clearing" ? "_shared" : "";
  await tx.query(`select pg_advisory_xact_lock${shared}(hashtextextended('suspensions', 0))`);
}

/** Of each withdrawal the oldest suspension that stands against it; null where there is none. */
export async function standingAgainst(
  tx: Transaction,
  subjects: readonly Subject[],
): Promise<readonly (Standing | null)[]> {
  const keys = subjects.map(({ account, asset, scriptPubKey }) => [
    ...["all:", `account:${account}`, `asset:${asset}`],
    `destination:${Buffer.from(scriptPubKey).toString("hex")}`,
  ]);
  const { rows } = await tx.query<Standing & { readonly key: string }>(
    `select kind || ':' || value as key, id::text, kind, shown, reason, suspended_at_ms::float8 as "atMs" from suspension
     where reopened_at_ms is null
       and (kind, value) in (select split_part(key, ':', 1), substr(key, strpos(key, ':') + 1) from unnest($1::text[]) as key)
     order by suspended_at_ms, id`,
    [[...new Set(keys.flat())]],
  );
  return keys.map((own) => {
    const first = rows.find(({ key }) => own.includes(key));
    if (first === undefined) return null;
    const { key: _, ...standing } = first;
    return standing;
  });
}

/** The same for one. */
export async function standingFor(tx: Transaction, subject: Subject): Promise<Standing | null> {
  const [standing = null] = await standingAgainst(tx, [subject]);
  return standing;
}

export type New = Pick<Stored, "kind" | "value" | "shown" | "reason" | "by" | "atMs">;

/** Undefined when it stands already: one of each is enough. */
export async function insertSuspension(tx: Transaction, given: New): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>(
    `insert into suspension (kind, value, shown, reason, suspended_by, suspended_at_ms) values ($1, $2, $3, $4, $5, $6)
     on conflict (kind, value) where reopened_at_ms is null do nothing returning id::text`,
    [given.kind, given.value, given.shown, given.reason, given.by, given.atMs],
  );
  return rows[0]?.id;
}

export async function listSuspensions(database: Queryable, which: "standing" | string): Promise<readonly Stored[]> {
  const where = which === "standing" ? "reopened_at_ms is null" : "id = $1::uuid";
  const { rows } = await database.query<Omit<Stored, "said"> & { said: readonly Word[] | null }>(
    `select id::text, kind, value, shown, reason, suspended_by as by, suspended_at_ms::float8 as "atMs",
            reopened_at_ms::float8 as "reopenedAtMs",
            (select jsonb_agg(jsonb_build_object('by', key_id, 'atMs', said_at_ms, 'answers', answers) order by said_at_ms, key_id)
             from suspension_word where suspension_id = suspension.id) as said
     from suspension where ${where} order by suspended_at_ms, id`,
    which === "standing" ? [] : [which],
  );
  return rows.map((row) => ({ ...row, said: row.said ?? [] }));
}

export async function findStanding(tx: Transaction, kind: Kind, value: string): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>(
    "select id::text from suspension where kind = $1 and value = $2 and reopened_at_ms is null",
    [kind, value],
  );
  return rows[0]?.id;
}

export async function saveWord(tx: Transaction, id: string, { by, atMs, answers }: Word): Promise<void> {
  await tx.query(
    `insert into suspension_word (suspension_id, key_id, said_at_ms, answers) values ($1, $2, $3, $4)
     on conflict (suspension_id, key_id) do update set said_at_ms = excluded.said_at_ms, answers = excluded.answers`,
    [id, by, atMs, JSON.stringify(answers)],
  );
}

export async function markReopened(tx: Transaction, id: string, atMs: number): Promise<void> {
  await tx.query("update suspension set reopened_at_ms = $2 where id = $1", [id, atMs]);
}

/** How a destination was spelled by those who want money to go there and are not paid yet. */
export async function spellingsOf(tx: Transaction, scriptPubKey: Uint8Array): Promise<readonly string[]> {
  const { rows } = await tx.query<{ address: string }>(
    `select distinct address from withdrawal where script_pubkey = $1
       and state not in ('completed', 'rejected', 'cancelled', 'failed')`,
    [scriptPubKey],
  );
  return rows.map(({ address }) => address);
}
