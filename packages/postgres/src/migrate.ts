// Forward-only numbered migrations: what was applied may neither change nor vanish.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PostgresError } from "./errors.ts";
import type { Pool } from "./pool.ts";
import { openSession, type Session } from "./session.ts";

/** A directory of files `NNNN-name.sql`, numbered from 0001 without a gap, under the name it keeps for ever. */
export type MigrationSet = { readonly set: string; readonly directory: string };

/**
 * Applies what is missing, set after set, each file in a transaction of its own, and resolves to the number applied.
 * Instances that start at once wait for each other and apply each file once. Throws MIGRATION_NAME_INVALID,
 * MIGRATION_GAP, MIGRATION_CHANGED, MIGRATION_MISSING before it touches that set, MIGRATION_FAILED for a file that the server refused.
 */
export async function migrate(
  pool: Pool,
  sets: readonly MigrationSet[],
  log: (message: string) => void = () => undefined,
): Promise<number> {
  const session = await openSession(pool);
  try {
    await session.query("select pg_advisory_lock(hashtextextended('migrate', 0))");
    await session.query(CREATE_TABLE);
    let applied = 0;
    for (const set of sets) applied += await migrateSet(session, set, log);
    return applied;
  } finally {
    // Closing the session frees the lock, also after an error.
    await session.close();
  }
}

type Migration = { readonly number: number; readonly name: string; readonly sql: string; readonly sha256: string };
type Applied = { readonly number: number; readonly name: string; readonly sha256: string };

const CREATE_TABLE = `
  create table if not exists schema_migration (
    "set" text not null,
    number integer not null,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now(),
    primary key ("set", number)
  )`;

async function migrateSet(session: Session, set: MigrationSet, log: (message: string) => void): Promise<number> {
  const files = await readSet(set);
  const { rows: applied } = await session.query<Applied>(
    `select number, name, sha256 from schema_migration where "set" = $1 order by number`,
    [set.set],
  );
  for (const row of applied) refuseDifference(set, row, files[row.number - 1]);
  const missing = files.slice(applied.length);
  for (const file of missing) {
    await apply(session, set, file);
    log(`applied migration ${set.set}/${file.name}`);
  }
  return missing.length;
}

async function readSet(set: MigrationSet): Promise<readonly Migration[]> {
  const names = (await readdir(set.directory)).sort();
  return Promise.all(
    names.map(async (name, position) => {
      if (!/^\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.sql$/.test(name)) {
        throw new PostgresError("MIGRATION_NAME_INVALID", `${set.set}: ${name} is not named NNNN-name.sql.`);
      }
      const number = Number(name.slice(0, 4));
      if (number !== position + 1) {
        const expected = String(position + 1).padStart(4, "0");
        throw new PostgresError("MIGRATION_GAP", `${set.set}: ${name} stands where number ${expected} belongs.`);
      }
      const bytes = await readFile(join(set.directory, name));
      return { number, name, sql: bytes.toString("utf8"), sha256: createHash("sha256").update(bytes).digest("hex") };
    }),
  );
}

function refuseDifference(set: MigrationSet, applied: Applied, file: Migration | undefined): void {
  if (file === undefined) {
    throw new PostgresError("MIGRATION_MISSING", `${set.set}: ${applied.name} was applied here and is gone.`);
  }
  if (file.name !== applied.name || file.sha256 !== applied.sha256) {
    throw new PostgresError("MIGRATION_CHANGED", `${set.set}: ${applied.name} was changed after it had been applied.`);
  }
}

async function apply(session: Session, set: MigrationSet, file: Migration): Promise<void> {
  await session.query("begin");
  try {
    await session.query(file.sql);
    await session.query(`insert into schema_migration ("set", number, name, sha256) values ($1, $2, $3, $4)`, [
      set.set,
      file.number,
      file.name,
      file.sha256,
    ]);
    await session.query("commit");
  } catch (error) {
    await session.query("rollback").catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new PostgresError("MIGRATION_FAILED", `${set.set}: ${file.name}: ${reason}`, { cause: error });
  }
}
