// A database with the tables of online-risk, and what judging needs beside it.
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { MESSAGING_MIGRATIONS } from "@sluice/messaging";
import type { Policy } from "@sluice/online-rules";
import { createPool, migrate, type Pool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { SCREENING_OFF } from "@sluice/screening";
import { afterAll, beforeAll } from "vitest";

const MIGRATIONS = fileURLToPath(new URL("../../../services/online-risk/migrations", import.meta.url));

export function useDatabase(): { readonly pool: () => Pool } {
  let pool: Pool | undefined;
  const ending: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const database = await createTestDatabase();
    const opened = createPool({ url: database.url, applicationName: "test", max: 8 });
    pool = opened;
    ending.push(
      () => opened.end(),
      () => database.drop(),
    );
    await migrate(opened, [
      { set: "messaging", directory: MESSAGING_MIGRATIONS },
      { set: "online-risk", directory: MIGRATIONS },
    ]);
  });
  afterAll(async () => {
    for (const end of ending) await end();
  });
  return {
    pool: () => {
      if (pool === undefined) throw new Error("the database is not open yet");
      return pool;
    },
  };
}

const { privateKey } = generateKeyPairSync("ed25519");

/** What a batch is judged with. */
export function judgingBy(policy: Policy, now: () => number) {
  const sealer = { producer: "online-risk", keyId: "test", privateKey } as const;
  return { policy, policyVersion: 1, sealer, wallets: [], screening: SCREENING_OFF, now };
}
