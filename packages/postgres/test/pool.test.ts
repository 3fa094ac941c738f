// Values in and out of a real server, and a pool that outlives its connections.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPool, durabilityFaults, isRetriable, sqlState } from "../src/index.ts";
import { createTestDatabase } from "../src/testing.ts";
import { emptyDatabase, eventually, killOthers } from "./server.ts";

const INT8_MAX = 2n ** 63n - 1n;

describe("values", () => {
  it("come back as the types the docstring promises", async () => {
    const pool = await emptyDatabase();
    const { rows } = await pool.query(
      `select $1::bigint as amount_sat, $2::numeric as rate, $3::bytea as bytes, $4::jsonb as document,
              $5::bigint[] as amounts, $6::text[] as names, 7::integer as small, null::bigint as nothing,
              '2026-01-02T03:04:05.678Z'::timestamptz as at`,
      [INT8_MAX, "0.10", Uint8Array.of(0, 255), { a: ["b"] }, [1n, -INT8_MAX, null], ["x", 'y"\\z']],
    );
    expect(rows).toEqual([
      {
        amount_sat: INT8_MAX,
        rate: "0.10",
        bytes: Buffer.from([0, 255]),
        document: { a: ["b"] },
        amounts: [1n, -INT8_MAX, null],
        names: ["x", 'y"\\z'],
        small: 7,
        nothing: null,
        at: new Date("2026-01-02T03:04:05.678Z"),
      },
    ]);
  });

  it("survive the way there and back: every bigint, any bytes, any text without a zero character", async () => {
    const pool = await emptyDatabase();
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: -(2n ** 63n), max: INT8_MAX }),
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: "grapheme", maxLength: 50 }).map((text) => text.replaceAll("\0", "")),
        async (amount, bytes, text) => {
          const { rows } = await pool.query("select $1::bigint as amount, $2::bytea as bytes, $3::text as text", [
            amount,
            bytes,
            text,
          ]);
          expect(rows).toEqual([{ amount, bytes: Buffer.from(bytes), text }]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("the pool", () => {
  it("counts rows and names a server's error", async () => {
    const pool = await emptyDatabase();
    expect((await pool.query("create table t (id integer primary key)")).rowCount).toBe(0);
    expect((await pool.query("insert into t values (1), (2)")).rowCount).toBe(2);
    const failure = await pool.query("insert into t values (1)").catch((error: unknown) => error);
    expect(sqlState(failure)).toBe("23505");
    expect(isRetriable(failure)).toBe(false);
  });

  it("replaces connections that were killed while idle and tells of them", async () => {
    const idleErrors: Error[] = [];
    const pool = await emptyDatabase({ onIdleError: (error) => idleErrors.push(error) });
    await Promise.all([1, 2, 3].map(() => pool.query("select pg_sleep(0.05)")));
    const killed = await killOthers(pool);
    expect(killed).toBe(2);
    await eventually(() => idleErrors.length).toBe(killed);
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("calls a connection killed in the middle of a statement retriable", async () => {
    const pool = await emptyDatabase();
    const slow = pool.query("select pg_sleep(30)").catch((error: unknown) => error);
    await eventually(() => killOthers(pool)).toBe(1);
    expect(isRetriable(await slow)).toBe(true);
  });

  it("calls a server that is not there retriable", async () => {
    const nowhere = createPool({ url: "postgres:///sluice?host=/nonexistent&user=x", applicationName: "t" });
    const closed = createPool({ url: "postgres://x@127.0.0.1:1/sluice", applicationName: "t" });
    for (const pool of [nowhere, closed]) {
      expect(isRetriable(await pool.query("select 1").catch((error: unknown) => error))).toBe(true);
      await pool.end();
    }
  });

  it("works over the semi-offline server's Unix socket", async () => {
    const adminUrl = process.env["OFFLINE_DATABASE_URL"];
    expect(adminUrl).toMatch(/^postgres:\/\/\/.*host=/);
    const database = await createTestDatabase(adminUrl);
    const pool = createPool({ url: database.url, applicationName: "t" });
    expect((await pool.query("select inet_client_addr() as address")).rows).toEqual([{ address: null }]);
    await pool.end();
    await database.drop();
  });
});

describe("durabilityFaults", () => {
  it("names the settings under which a commit could be lost", async () => {
    const pool = await emptyDatabase({ max: 1 });
    const before = await durabilityFaults(pool);
    expect(before.filter((fault) => fault.startsWith("synchronous_commit") || fault.startsWith("in_recovery"))).toEqual(
      [],
    );
    await pool.query("set synchronous_commit = off");
    expect(await durabilityFaults(pool)).toContain("synchronous_commit is off; it must be on or remote_apply");
  });
});
