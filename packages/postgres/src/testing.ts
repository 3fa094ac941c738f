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
    drop: () => administer(adminUrl, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  };
}

async function administer(adminUrl: string, sql: string): Promise<void> {
  const pool = createPool({ url: adminUrl, applicationName: "sluice-test-administration", max: 1 });
  try {
    await pool.query(sql);
  } finally {
    await pool.end();
  }
}
