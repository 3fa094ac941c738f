// Notifications, session locks, and what both do when their connection is killed.

import { describe, expect, it, onTestFinished } from "vitest";
import {
  giveLifeSign,
  isAlive,
  type ListenEvent,
  listen,
  openSession,
  type Pool,
  transaction,
  tryLock,
} from "../src/index.ts";
import { emptyDatabase, eventually, killOthers } from "./server.ts";

async function listening(pool: Pool, channel: string): Promise<ListenEvent[]> {
  const events: ListenEvent[] = [];
  const listener = await listen(pool, channel, (event) => events.push(event));
  onTestFinished(() => listener.close());
  return events;
}

const notify = (pool: Pool, channel: string, payload: string) =>
  pool.query("select pg_notify($1, $2)", [channel, payload]);

describe("listen", () => {
  it("hears what a transaction notifies when that commits, on its own channel only", async () => {
    const pool = await emptyDatabase();
    const events = await listening(pool, 'odd "name"');
    await notify(pool, "other", "0");
    await transaction(pool, async (tx) => {
      await tx.query("select pg_notify($1, $2)", ['odd "name"', "lost"]);
      throw new Error("rolled back");
    }).catch(() => undefined);
    await notify(pool, 'odd "name"', "heard");
    await eventually(() => events).toEqual([{ kind: "notified", payload: "heard" }]);
  });

  it("comes back after its connection is killed, says so, and hears again", async () => {
    const pool = await emptyDatabase();
    const events = await listening(pool, "c");
    for (let round = 1; round <= 2; round += 1) {
      expect(await killOthers(pool)).toBe(1);
      await eventually(() => events.at(-1)).toEqual({ kind: "reconnected" });
      await notify(pool, "c", `round ${round}`);
      await eventually(() => events.at(-1)).toEqual({ kind: "notified", payload: `round ${round}` });
    }
  });

  it("closes, also in the middle of reconnecting, and leaves no connection behind", async () => {
    const pool = await emptyDatabase();
    const calm = await listen(pool, "c", () => undefined);
    const broken = await listen(pool, "c", () => undefined);
    await killOthers(pool);
    await Promise.all([calm.close(), broken.close()]);
    const connections = async () =>
      (await pool.query("select from pg_stat_activity where datname = current_database()")).rowCount;
    await eventually(connections).toBe(1);
  });
});

describe("tryLock", () => {
  it("is held by one session until that ends, however it ends", async () => {
    const pool = await emptyDatabase();
    const [first, second] = await Promise.all([openSession(pool), openSession(pool)]);
    expect(await tryLock(first, "relay")).toBe(true);
    expect(await tryLock(second, "relay")).toBe(false);
    expect(await tryLock(second, "another")).toBe(true);
    await first.close();
    await eventually(() => tryLock(second, "relay")).toBe(true);
    await killOthers(pool);
    await second.ended;
    await expect(second.query("select 1")).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    const third = await openSession(pool);
    expect(await tryLock(third, "relay")).toBe(true);
    await third.close();
  });
});

describe("a life sign", () => {
  it("is there for everybody until its giver is gone, and again after a break", async () => {
    const pool = await emptyDatabase();
    expect(await isAlive(pool, "first")).toBe(false);
    const first = await giveLifeSign(pool, "first");
    expect([await isAlive(pool, "first"), await isAlive(pool, "second")]).toEqual([true, false]);
    // Asking takes nothing away from whoever comes next.
    expect(await isAlive(pool, "second")).toBe(false);
    expect(await killOthers(pool)).toBe(1);
    await eventually(() => isAlive(pool, "first")).toBe(true);
    await first.close();
    await eventually(() => isAlive(pool, "first")).toBe(false);
  });
});
