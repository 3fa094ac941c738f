// Several judges at work on one database: nobody waits for anybody for ever, and one that the database refuses fails alone.

import { transaction } from "@sluice/postgres";
import { expect, onTestFinished, test } from "vitest";
import { startJudge } from "../src/index.ts";
import { lay, NOW, policyOf } from "./plans.ts";
import { judgingBy, useDatabase } from "./world.ts";

const { pool } = useDatabase();
const WITHDRAWALS = 120;
const POISONED = 17;

test("two judges share what waits, in any order of accounts; one that cannot be saved holds up none, and goes on when it can", async () => {
  const window = { windowMs: 3_600_000, bound: { maxCount: 1_000 } };
  const windows = (["account", "destination", "asset", "all"] as const).map((over) => ({ over, ...window }));
  const plan = { windows, accountWindow: null, holdsNew: false, past: [], logins: [], listed: [], suspended: false };
  const waiting = Array.from({ length: WITHDRAWALS }, (_, at) => ({
    ...{ account: (["a", "b", "c"] as const)[at % 3] ?? "a", script: (at % 2) as 0 | 1, amount: 10 },
    ...{ receivedAgoMs: 5, isDelayed: false, approved: false },
  }));
  await transaction(pool(), (tx) => lay(tx, { ...plan, waiting }));
  await pool().query(`create function refuse_one() returns trigger language plpgsql as $$
    begin
      if new.id = 'w-${POISONED}' then raise exception 'not this one'; end if;
      return new;
    end $$`);
  await pool().query(
    "create trigger refuse_one before update on withdrawal for each row execute function refuse_one()",
  );
  const { policy, ...parts } = judgingBy(policyOf(plan), () => NOW);
  const clock = { nowMs: NOW };
  const policies = { active: async () => ({ version: 1, sha256: "", policy }) };
  const quiet = () => undefined;
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const shares = [0, 0];
  const judges = await Promise.all(
    shares.map((_, at) =>
      startJudge({
        ...{ ...parts, pool: pool(), policies, logger, batch: 16, now: () => clock.nowMs },
        onJudged: () => {
          shares[at] = (shares[at] ?? 0) + 1;
        },
      }),
    ),
  );
  onTestFinished(async () => {
    for (const judge of judges) await judge.stop();
  });
  const states = async () => {
    const { rows } = await pool().query<{ state: string; count: number }>(
      "select state, count(*)::float8 as count from withdrawal group by state order by state",
    );
    return rows;
  };
  const all = { timeout: 30_000, interval: 50 };
  await expect.poll(states, all).toEqual([
    { state: "cleared", count: WITHDRAWALS - 1 },
    { state: "received", count: 1 },
  ]);
  await pool().query("drop trigger refuse_one on withdrawal");
  // It is set aside for a while by this clock.
  clock.nowMs += 60_000;
  await expect.poll(states, all).toEqual([{ state: "cleared", count: WITHDRAWALS }]);
  await expect.poll(() => shares.reduce((sum, share) => sum + share, 0), all).toBe(WITHDRAWALS);
  const { rows } = await pool().query("select sum(count)::float8 as count from cleared_minute");
  expect(rows).toEqual([{ count: WITHDRAWALS }]);
  process.stdout.write(`judged by each judge: ${shares.join(", ")}\n`);
});
