// An empty database for each test, with a pool that is closed and a database that is dropped when the test ends.

import { expect, onTestFinished } from "vitest";
import { createPool, type Pool, type PoolOptions } from "../src/index.ts";
import { createTestDatabase } from "../src/testing.ts";

export async function emptyDatabase(options: Partial<PoolOptions> = {}): Promise<Pool> {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.url, applicationName: "sluice-test", max: 5, ...options });
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
  });
  return pool;
}

/** Ends every other connection to the pool's database, as a restart of the server or an operator would. */
export async function killOthers(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  return rowCount;
}

/** Waits until what is read fulfils what follows; the time allowed is for a busy machine and never part of a proof. */
export function eventually<T>(read: () => T): ReturnType<typeof expect.poll> {
  return expect.poll(read, { timeout: 20_000, interval: 25 });
}
