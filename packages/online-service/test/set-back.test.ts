// A database that was restored from a backup while the rest went on: it is noticed, nothing is done on it, and a person's
// word brings back what the topics still hold.
import { createBus, openMarks } from "@sluice/messaging";
import type { Pool } from "@sluice/postgres";
import { backUpDatabase } from "@sluice/postgres/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { judgeStanding } from "../src/high-water.ts";
import { type Deployment, type ServiceProcess, until } from "../src/testing.ts";
import { change, openConsole } from "./console.ts";

let world: Deployment;
beforeAll(async () => {
  world = await openConsole({ env: { SLUICE_MARK_EVERY_MS: "200" } });
});
afterAll(() => world.close());

const adminUrlOf = (deployment: Deployment) => {
  const url = new URL(process.env["DATABASE_URL"] ?? "");
  url.pathname = new URL(deployment.databaseUrl).pathname;
  return url.toString();
};

async function markOf(): Promise<bigint> {
  const { rows } = await world.pool.query<{ mark: bigint }>("select mark from high_water");
  return rows[0]?.mark ?? 0n;
}

async function shownBy(service: ServiceProcess): Promise<readonly string[]> {
  type View = { readonly withdrawals: readonly { readonly withdrawalId: string }[] };
  const { withdrawals } = (await service.get("/api/overview")).json() as View;
  return withdrawals.map(({ withdrawalId }) => withdrawalId).toSorted();
}

const marked = (above: bigint) => until(markOf, (mark) => mark > above);

it("halts the service, names the fault and what to do; an operator's word brings everything back", async () => {
  const first = await world.start();
  await world.publish("withdrawal.changed.v1", change("w-1", 1));
  await until(
    () => shownBy(first),
    (shown) => shown.length === 1,
  );
  await marked(0n);
  const backup = await backUpDatabase(adminUrlOf(world));
  const then = await markOf();
  await world.publish("withdrawal.changed.v1", change("w-2", 1));
  await until(
    () => shownBy(first),
    (shown) => shown.length === 2,
  );
  await marked(then + 5n);
  await first.stop();
  const highest = await markOf();
  await backup.restore();

  const halted = await world.start({ expect: "halted" });
  const { status, text } = await halted.get("/readyz");
  expect(status).toBe(503);
  expect(text).toContain("DATABASE_SET_BACK");
  expect(text).toContain("OPERATIONS");
  expect((await halted.get("/metrics")).text).toMatch(/^sluice_database_set_back_info 1$/m);
  expect((await halted.get("/api/overview")).status).toBe(404);
  const say = (mark: string) => halted.postJson("/recovery", { mark });
  expect((await say("1")).status).toBe(409);
  expect((await say(String(highest))).status).toBe(202);
  await until(
    () => halted.log().some(({ msg }) => msg === "ready"),
    (isReady) => isReady,
  );
  await until(
    () => shownBy(halted),
    (shown) => shown.length === 2,
  );
  expect((await halted.get("/readyz")).status).toBe(200);
  expect(await markOf()).toBeGreaterThan(highest);

  // The recovered database is the current one from now on.
  await halted.stop();
  const third = await world.start();
  expect(await shownBy(third)).toEqual(["w-1", "w-2"]);
  await third.stop();
});

it("is noticed under a living process, which ends at once", async () => {
  const service = await world.start();
  await marked(await markOf());
  const backup = await backUpDatabase(adminUrlOf(world));
  await marked((await markOf()) + 3n);
  await backup.restore();
  await until(
    async () => service.log().some(({ msg }) => msg.includes("DATABASE_SET_BACK")),
    (told) => told,
  );
  await service.kill();
  const halted = await world.start({ expect: "halted" });
  expect((await halted.get("/readyz")).text).toContain("DATABASE_SET_BACK");
});

it("is not seen in a mark that another instance sets while this one starts", async () => {
  const { trust, topicPrefix, sealerOf } = world;
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const brokers = (process.env["KAFKA_BROKERS"] ?? "").split(",");
  const bus = createBus({ brokers, clientId: "test", topicPrefix, logger: silent });
  const marks = openMarks(bus, sealerOf("ops-console"));
  const around = { bus, trust, name: "ops-console", markEveryMs: 200 } as const;
  try {
    // Older than a restart takes, so that the topic is asked; and as high as all that was published.
    await world.pool.query("update high_water set mark = 1000000, marked_at = now() - interval '1 hour'");
    await marks.publish(1_000_000n, Date.now());
    const pool = afterFirstQuery(world.pool, async () => {
      await world.pool.query("update high_water set mark = mark + 1, marked_at = now()");
      await marks.publish(1_000_001n, Date.now());
    });
    expect(await judgeStanding({ ...around, pool })).toEqual({ kind: "current" });
    await world.pool.query("update high_water set mark = mark - 1, marked_at = now() - interval '1 hour'");
    const setBack = { kind: "set-back", mark: 1_000_000n, highest: 1_000_001n };
    expect(await judgeStanding({ ...around, pool: world.pool })).toMatchObject(setBack);
  } finally {
    await marks.close();
  }
});

/** The real pool; what another instance does falls between its first answer and whatever is asked next. */
function afterFirstQuery(pool: Pool, between: () => Promise<void>): Pool {
  let isFirst = true;
  const query = async (sql: string) => {
    const answer = await pool.query(sql);
    if (isFirst) {
      isFirst = false;
      await between();
    }
    return answer;
  };
  return Object.assign(Object.create(pool), { query }) as Pool;
}
