// All or nothing, on a real server: transactions, savepoints, lanes.

import { describe, expect, it } from "vitest";
import { isRetriable, type Pool, savepoint, type Transaction, transaction, withLane } from "../src/index.ts";
import { emptyDatabase, killOthers } from "./server.ts";

async function withTable(): Promise<Pool> {
  const pool = await emptyDatabase();
  await pool.query(`create table entry (
    id integer primary key,
    parent integer references entry deferrable initially deferred)`);
  return pool;
}

async function ids(pool: Pool): Promise<readonly number[]> {
  const { rows } = await pool.query<{ id: number }>("select id from entry order by id");
  return rows.map(({ id }) => id);
}

const add = (tx: Transaction, id: number, parent: number | null = null) =>
  tx.query("insert into entry values ($1, $2)", [id, parent]);

describe("transaction", () => {
  it("commits what resolves and gives its value", async () => {
    const pool = await withTable();
    expect(await transaction(pool, async (tx) => (await add(tx, 1)).rowCount)).toBe(1);
    expect(await ids(pool)).toEqual([1]);
  });

  it("rolls back what throws and throws the same error", async () => {
    const pool = await withTable();
    const reason = new Error("no");
    const work = transaction(pool, async (tx) => {
      await add(tx, 1);
      throw reason;
    });
    await expect(work).rejects.toBe(reason);
    expect(await ids(pool)).toEqual([]);
  });

  it("does not pass a swallowed failure off as saved", async () => {
    const pool = await withTable();
    const work = transaction(pool, async (tx) => {
      await add(tx, 1);
      await tx.query("select 1/0").catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: "TRANSACTION_ABORTED" });
    expect(await ids(pool)).toEqual([]);
  });

  it("throws what the commit itself refuses", async () => {
    const pool = await withTable();
    await expect(transaction(pool, (tx) => add(tx, 1, 99))).rejects.toMatchObject({ code: "23503" });
    expect(await ids(pool)).toEqual([]);
  });

  it("refuses a statement that comes after its end", async () => {
    const pool = await withTable();
    let escaped: Transaction | undefined;
    await transaction(pool, async (tx) => {
      escaped = tx;
    });
    await expect(escaped?.query("select 1")).rejects.toMatchObject({ code: "TRANSACTION_CLOSED" });
  });

  it("waits for statements that the work started and did not await", async () => {
    const pool = await withTable();
    await transaction(pool, async (tx) => {
      void add(tx, 1);
      void tx.query("select pg_sleep(0.05)");
      void add(tx, 2);
    });
    expect(await ids(pool)).toEqual([1, 2]);
  });

  it("is retriable when its connection is killed, and the pool goes on", async () => {
    const pool = await withTable();
    const work = transaction(pool, async (tx) => {
      await add(tx, 1);
      await killOthers(pool);
      await add(tx, 2);
    });
    expect(isRetriable(await work.catch((error: unknown) => error))).toBe(true);
    expect(await ids(pool)).toEqual([]);
  });

  it("is retriable for the loser of a deadlock", async () => {
    const pool = await withTable();
    await pool.query("insert into entry values (1), (2)");
    const lock = (tx: Transaction, id: number) => tx.query("select from entry where id = $1 for update", [id]);
    let arrived = 0;
    let bothHere: () => void = () => undefined;
    const met = new Promise<void>((resolve) => {
      bothHere = resolve;
    });
    const crosswise = (first: number, second: number) =>
      transaction(pool, async (tx) => {
        await lock(tx, first);
        arrived += 1;
        if (arrived === 2) bothHere();
        await met;
        await lock(tx, second);
      });
    const outcomes = await Promise.allSettled([crosswise(1, 2), crosswise(2, 1)]);
    const losers = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    expect(losers).toHaveLength(1);
    expect(isRetriable(losers[0])).toBe(true);
  });
});

describe("savepoint", () => {
  it("undoes only its own work when that throws, and the transaction goes on", async () => {
    const pool = await withTable();
    await transaction(pool, async (tx) => {
      await add(tx, 1);
      const failed = savepoint(tx, async (inner) => {
        await add(inner, 2);
        throw new Error("no");
      });
      await expect(failed).rejects.toThrow("no");
      await add(tx, 3);
    });
    expect(await ids(pool)).toEqual([1, 3]);
  });

  it("contains a failed statement, a swallowed one too", async () => {
    const pool = await withTable();
    await transaction(pool, async (tx) => {
      await expect(savepoint(tx, (inner) => inner.query("select 1/0"))).rejects.toMatchObject({ code: "22012" });
      const swallowing = savepoint(tx, async (inner) => {
        await add(inner, 1);
        await inner.query("select * from nowhere").catch(() => undefined);
      });
      await expect(swallowing).rejects.toMatchObject({ code: "25P02" });
      await add(tx, 2);
    });
    expect(await ids(pool)).toEqual([2]);
  });

  it("nests", async () => {
    const pool = await withTable();
    await transaction(pool, async (tx) => {
      await savepoint(tx, async (outer) => {
        await add(outer, 1);
        await expect(savepoint(outer, (inner) => add(inner, 1))).rejects.toMatchObject({ code: "23505" });
        await add(outer, 2);
      });
    });
    expect(await ids(pool)).toEqual([1, 2]);
  });

  it("gives a transaction that dies with it", async () => {
    const pool = await withTable();
    await transaction(pool, async (tx) => {
      let escaped: Transaction | undefined;
      await savepoint(tx, async (inner) => {
        escaped = inner;
      });
      await expect(escaped?.query("select 1")).rejects.toMatchObject({ code: "TRANSACTION_CLOSED" });
    });
  });
});

describe("withLane", () => {
  it("lets one transaction at a time into a lane, and others into other lanes", async () => {
    const pool = await withTable();
    await transaction(pool, async (first) => {
      expect(await withLane(first, "wallet-1")).toBe(true);
      await transaction(pool, async (second) => {
        expect(await withLane(second, "wallet-1")).toBe(false);
        expect(await withLane(second, "wallet-2")).toBe(true);
      });
    });
    await transaction(pool, async (third) => expect(await withLane(third, "wallet-1")).toBe(true));
  });
});
