// Forward-only migrations on a real server.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type MigrationSet, migrate, type Pool } from "../src/index.ts";
import { emptyDatabase } from "./server.ts";

async function migrationSet(set: string, files: Readonly<Record<string, string>>): Promise<MigrationSet> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-migrations-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql);
  return { set, directory };
}

async function applied(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select "set" || '/' || name as id from schema_migration order by "set", number`,
  );
  return rows.map(({ id }) => id);
}

describe("migrate", () => {
  it("applies every set in order, once, and only what is new later", async () => {
    const pool = await emptyDatabase();
    const log: string[] = [];
    const messages = await migrationSet("messaging", { "0001-inbox.sql": "create table inbox (id text primary key)" });
    const vault = await migrationSet("vault", {
      "0001-coin.sql":
        "create table coin (id text references inbox); insert into inbox values ('a'); insert into coin values ('a');",
      "0002-lane.sql": "alter table coin add column lane text",
    });
    expect(await migrate(pool, [messages, vault], (line) => log.push(line))).toBe(3);
    expect(log).toHaveLength(3);
    expect(await migrate(pool, [messages, vault])).toBe(0);
    await writeFile(join(vault.directory, "0003-late.sql"), "create table late ()");
    expect(await migrate(pool, [messages, vault])).toBe(1);
    expect(await applied(pool)).toEqual([
      "messaging/0001-inbox.sql",
      "vault/0001-coin.sql",
      "vault/0002-lane.sql",
      "vault/0003-late.sql",
    ]);
  });

  it("is done once by instances that start at once", async () => {
    const pool = await emptyDatabase();
    const set = await migrationSet("s", {
      "0001-a.sql": "create table a (); select pg_sleep(0.1)",
      "0002-b.sql": "create table b ()",
    });
    const counts = await Promise.all([1, 2, 3, 4].map(() => migrate(pool, [set])));
    expect(counts.toSorted()).toEqual([0, 0, 0, 2]);
  });

  it("undoes a file that fails, keeps those before it, and goes on when it is repaired", async () => {
    const pool = await emptyDatabase();
    const set = await migrationSet("s", {
      "0001-a.sql": "create table a ()",
      "0002-b.sql": "create table b (); select 1/0",
    });
    await expect(migrate(pool, [set])).rejects.toMatchObject({
      code: "MIGRATION_FAILED",
      message: expect.stringMatching(/0002-b\.sql: division by zero/),
    });
    expect(await applied(pool)).toEqual(["s/0001-a.sql"]);
    await writeFile(join(set.directory, "0002-b.sql"), "create table b ()");
    expect(await migrate(pool, [set])).toBe(1);
  });

  it("refuses an applied file that was changed, renamed or removed", async () => {
    const pool = await emptyDatabase();
    const original = await migrationSet("s", { "0001-a.sql": "create table a ()" });
    await migrate(pool, [original]);
    const changed = await migrationSet("s", { "0001-a.sql": "create table a () ", "0002-b.sql": "create table b ()" });
    const renamed = await migrationSet("s", { "0001-other.sql": "create table a ()" });
    const removed = await migrationSet("s", {});
    await expect(migrate(pool, [changed])).rejects.toMatchObject({ code: "MIGRATION_CHANGED" });
    await expect(migrate(pool, [renamed])).rejects.toMatchObject({ code: "MIGRATION_CHANGED" });
    await expect(migrate(pool, [removed])).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
    expect(await applied(pool)).toEqual(["s/0001-a.sql"]);
  });

  it("refuses a gap, a number used twice and a name that is not one", async () => {
    const pool = await emptyDatabase();
    const gap = await migrationSet("s", { "0001-a.sql": "select 1", "0003-c.sql": "select 1" });
    const twice = await migrationSet("s", { "0001-a.sql": "select 1", "0001-b.sql": "select 1" });
    const nameless = await migrationSet("s", { "1-a.sql": "select 1" });
    await expect(migrate(pool, [gap])).rejects.toMatchObject({ code: "MIGRATION_GAP" });
    await expect(migrate(pool, [twice])).rejects.toMatchObject({ code: "MIGRATION_GAP" });
    await expect(migrate(pool, [nameless])).rejects.toMatchObject({ code: "MIGRATION_NAME_INVALID" });
    expect(await applied(pool)).toEqual([]);
  });
});
