// A database with vault's tables on a real server, for tests of its functions without processes.
import { fileURLToPath } from "node:url";
import { MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { createPool, migrate, type Pool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { afterAll, beforeAll } from "vitest";

/** So many pools on it, as many instances have. They are there inside the tests. */
export function useVaultDatabase(instances = 1): { readonly pools: readonly Pool[] } {
  const pools: Pool[] = [];
  let drop = async (): Promise<void> => undefined;
  beforeAll(async () => {
    const database = await createTestDatabase();
    drop = database.drop;
    for (let at = 0; at < instances; at += 1) {
      pools.push(createPool({ url: database.url, applicationName: `vault-test-${at}`, max: 4 }));
    }
    await migrate(poolOf(pools), [
      { set: "messaging", directory: MESSAGING_MIGRATIONS },
      { set: "vault", directory: fileURLToPath(new URL("../../migrations", import.meta.url)) },
    ]);
  });
  afterAll(async () => {
    for (const pool of pools) await pool.end();
    await drop();
  });
  return { pools };
}

export function poolOf([pool]: readonly Pool[]): Pool {
  if (pool === undefined) throw new Error("the database is not there yet");
  return pool;
}
