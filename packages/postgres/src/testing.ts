// For tests: an empty database on a real server, gone afterwards.

import { randomBytes } from "node:crypto";
import pg from "pg";
import { createPool } from "./pool.ts";

export type TestDatabase = { readonly url: string; readonly drop: () => Promise<void> };

/** Creates a database with a random name on the server of `adminUrl`; `drop` ends its connections and removes it. */
export async function createTestDatabase(
  adminUrl: string | undefined = process.env["DATABASE_URL"],
): Promise<TestDatabase> {
  if (adminUrl === undefined) throw new Error("DATABASE_URL is not set: this test needs a Postgres server.");
  const name = `sluice_test_${randomBytes(8).toString("hex")}`;
  // template0 has no connections ever, so that tests which start together do not wait for each other.
  await administer(adminUrl, `create database ${pg.escapeIdentifier(name)} template template0`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    url: url.toString(),
    drop: async () => {
      await administer(adminUrl, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    },
  };
}

/** A copy of a database as it is at this moment; `restore` puts it in the place of the original. Both end its connections. */
export async function backUpDatabase(databaseUrl: string): Promise<{ readonly restore: () => Promise<void> }> {
  const url = new URL(databaseUrl);
  const original = pg.escapeIdentifier(url.pathname.slice(1));
  const copy = pg.escapeIdentifier(`${url.pathname.slice(1)}_copy`);
  url.pathname = "/postgres";
  const run = async (...statements: readonly string[]) => {
    for (const sql of statements) await administer(url.toString(), sql);
  };
  const name = pg.escapeLiteral(new URL(databaseUrl).pathname.slice(1));
  const { rows } = await administer(
    url.toString(),
    `select pg_get_userbyid(datdba) as owner from pg_database where datname = ${name}`,
  );
  const owner = pg.escapeIdentifier(String(rows[0]?.["owner"]));
  await run(
    `alter database ${original} with allow_connections false`,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`,
    `create database ${copy} template ${original} owner ${owner}`,
    `alter database ${original} with allow_connections true`,
  );
  return {
    restore: () =>
      run(
        `drop database ${original} with (force)`,
        `alter database ${copy} rename to ${original}`,
        `alter database ${original} with allow_connections true`,
      ),
  };
}

async function administer(
  adminUrl: string,
  sql: string,
): Promise<{ readonly rows: readonly Record<string, unknown>[] }> {
  const pool = createPool({ url: adminUrl, applicationName: "sluice-test-administration", max: 1 });
  try {
    return await pool.query<Record<string, unknown>>(sql);
  } finally {
    await pool.end();
  }
}

/** For `node`, before its script: the process notes each crash point that it reaches, and dies at the one that is given. */
export function crashArming(reachedFile: string, point?: string): readonly string[] {
  const url = new URL("../test/arm-crash-point.ts", import.meta.url);
  url.searchParams.set("reached", reachedFile);
  if (point !== undefined) url.searchParams.set("point", point);
  return ["--import", url.href];
}
