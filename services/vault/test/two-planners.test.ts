// Two planners on one wallet and one real Postgres, with whatever else writes at the same time: signatures, refusals, blocks,
// replacements and internal transfers. No coin is ever in two payouts, and nothing is built on what may never confirm.
import { type Pool, sqlState, type Transaction, transaction } from "@sluice/postgres";
import { clearAgain, isBuiltUpon, releaseCoins } from "@sluice/wallet-memory";
import fc from "fast-check";
import { expect, it } from "vitest";
import { insertTask, settleTask } from "../src/store/tasks.ts";
import { tidyWallet } from "../src/tidy-wallet.ts";
import { fund } from "./support/holders.ts";
import {
  empty,
  POLICY,
  plan,
  poolOf,
  putCoin,
  putWithdrawal,
  sealers,
  signQuickly,
  test,
  usePlanningDatabase,
  wallet,
} from "./support/planning.ts";

const database = usePlanningDatabase(2);
const INTERNAL = {
  ...{ smallCoinSat: 50_000n, consolidateCoins: 3, consolidateBelowPercent: 100, keepFreeCoins: 4 },
  ...{ maxFeeSat: 20_000n, maxFeeRateSatPerKvbyte: 20_000n, maxOutputs: 4 },
};
const ONE_EACH = { SLUICE_BATCH_MAX_WITHDRAWALS: 1 };
const seen = {
  planned: 0,
  tidied: 0,
  replaced: 0,
  builtUpon: 0,
  unconfirmed: 0,
  refused: 0,
  refusedByTables: 0,
  busy: 0,
};

const world = fc.record({
  coins: fc.array(fc.bigInt(150_000n, 600_000n), { minLength: 1, maxLength: 3 }),
  pays: fc.array(
    fc.record({ amountSat: fc.bigInt(1_000n, 60_000n), priority: fc.constantFrom("fast", "normal", "economy") }),
    { minLength: 6, maxLength: 16 },
  ),
  // What happens beside the planning, in this order, and in the opposite one by a second instance.
  beside: fc.array(fc.constantFrom("sign", "sign", "sign", "sign", "sign", "tidy", "refuse", "block", "replace"), {
    minLength: 8,
    maxLength: 16,
  }),
});

it("never give a coin to two payouts, nor build on what is replaced, whatever happens at the same time", async () => {
  await fc.assert(
    fc.asyncProperty(world, async ({ coins, pays, beside: drawn }) => {
      const beside = ["sign", "sign", "block", "tidy", "sign", ...drawn, "sign", "refuse", "replace", "sign"];
      const [one, two] = database.pools;
      if (one === undefined || two === undefined) throw new Error("there are two instances");
      await empty(one);
      for (const [at, sat] of coins.entries()) await putCoin(one, fund(test, sat, at));
      await one.query("insert into fee_hour select now() - n * interval '1 hour', 9000 from generate_series(1, 30) n");
      // Before anybody is to be paid, who would go first.
      const tidyAtOnce = [one, two].map((pool) => transaction(pool, (tx) => happen(tx, "tidy")));
      expect((await Promise.all(tidyAtOnce)).filter(Boolean)).toHaveLength(1);
      const ids = pays.map((_, at) => `w-${at}`);
      for (const [at, pay] of pays.entries()) await putWithdrawal(one, { id: ids[at] ?? "", ...pay });
      let over = false;
      const isOver = () => over;
      const planners = [keepPlanning(one, isOver), keepPlanning(two, isOver)];
      await Promise.all([meanwhile(one, beside), meanwhile(two, beside.toReversed())]).finally(() => {
        over = true;
      });
      await Promise.all(planners);
      await settleAll(one);
      await expectSound(one);
    }),
    { numRuns: 5, endOnFailure: true },
  );
  process.stdout.write(`two planners: ${JSON.stringify(seen)}\n`);
  expect(Math.min(seen.planned, seen.tidied, seen.replaced, seen.unconfirmed, seen.refused)).toBeGreaterThan(0);
});

it("and the check finds a coin that is in two payouts, and a payout built upon what is replaced", async () => {
  const pool = poolOf(database.pools);
  await putCoin(pool, fund(test, 500_000n));
  await putWithdrawal(pool, { id: "w-1", amountSat: 10_000n });
  const planned = await plan(pool);
  if (planned.kind !== "planned") throw new Error("it is planned");
  await transaction(pool, (tx) => signQuickly(tx, planned.taskId));
  await putWithdrawal(pool, { id: "w-2", amountSat: 10_000n });
  expect((await plan(pool)).kind).toBe("planned");
  await expectSound(pool);
  // Both of these the tables themselves refuse, so what refuses is taken away first.
  await transaction(pool, async (tx) => {
    await tx.query("alter table task disable trigger replacing_is_safe");
    await replace(tx, planned.taskId);
    await tx.query("alter table task enable trigger replacing_is_safe");
  });
  await expect(expectSound(pool)).rejects.toThrow(/built upon/);
  await pool.query("delete from task_input where task_id like '%-bumped'");
  await pool.query("delete from task where replaces is not null");
  await expectSound(pool);
  await pool.query(
    `insert into task_input (task_id, outpoint, position)
     select (select id from task where id <> $1), outpoint, 7 from task_input where task_id = $1`,
    [planned.taskId],
  );
  await expect(expectSound(pool)).rejects.toThrow(/two payouts/);
});

async function keepPlanning(pool: Pool, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    // A replacement that comes between, out of its lane: the tables refuse the plan, and the next round sees why.
    const { kind } = await plan(pool, ONE_EACH).catch((error: unknown) => {
      if (sqlState(error) !== "23514") throw error;
      seen.refusedByTables += 1;
      return { kind: "late" as const };
    });
    if (kind === "planned") seen.planned += 1;
    if (kind !== "planned") await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

const TRIES = 15;

async function meanwhile(pool: Pool, events: readonly string[]): Promise<void> {
  for (const event of events) {
    // An event for which nothing is there yet waits a little, since the planners are slower than it.
    for (let tries = 0, happened = false; !happened && tries < TRIES; tries += 1) {
      // Two that change one task meet here as two instances would: one waits, and the other's change is refused.
      happened = await transaction(pool, (tx) => happen(tx, event)).catch((error: unknown) => {
        if (sqlState(error) !== "23514" && !/does not wait|no such task|not planned/.test(String(error))) throw error;
        return true;
      });
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
}

/** False when there was nothing that it could happen to. */
async function happen(tx: Transaction, event: string): Promise<boolean> {
  if (event === "tidy") {
    const tidied = await tidyWallet(tx, wallet, { fees: POLICY.fees, internal: INTERNAL }, sealers.vault);
    if (tidied !== null) seen.tidied += 1;
    return tidied !== null;
  }
  if (event === "block") {
    const { rowCount } = await tx.query(
      `update coin set height = 102 where outpoint in
         (select outpoint from coin where height is null order by known_since limit 1 for update skip locked)`,
    );
    return rowCount > 0;
  }
  const taskId = await anyTask(tx, event === "replace" ? "signed" : "planned");
  if (taskId === null) return false;
  if (event === "sign") await sign(tx, taskId);
  else if (event === "refuse") await refuse(tx, taskId);
  else if (await isBuiltUpon(tx, taskId)) seen.builtUpon += 1;
  else await replace(tx, taskId);
  return true;
}

async function sign(tx: Transaction, taskId: string): Promise<void> {
  await signQuickly(tx, taskId);
  const { rows } = await tx.query<{ n: number }>(
    "select count(*)::int as n from task_input join coin using (outpoint) where task_id = $1 and height is null",
    [taskId],
  );
  seen.unconfirmed += rows[0]?.n ?? 0;
}

async function refuse(tx: Transaction, taskId: string): Promise<void> {
  await settleTask(tx, taskId, { state: "refused", code: "X", report: Buffer.of() });
  await releaseCoins(tx, taskId);
  const paid = await tx.query<{ id: string }>("select withdrawal_id as id from task_withdrawal where task_id = $1", [
    taskId,
  ]);
  const ids = paid.rows.map(({ id }) => id);
  await clearAgain(tx, ids, "X", null);
  seen.refused += 1;
}

async function anyTask(tx: Transaction, state: string): Promise<string | null> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from task where state = $1 and replaces is null
       and not exists (select from task newer where newer.replaces = task.id)
     order by planned_at, id limit 1 for update skip locked`,
    [state],
  );
  return rows[0]?.id ?? null;
}

/** Another version that spends the same coins, as a bump would store it. */
async function replace(tx: Transaction, replaces: string): Promise<void> {
  const taskId = `${replaces}-bumped`;
  await insertTask(tx, {
    ...{ taskId, walletId: wallet.walletId, transactionId: taskId, psbt: Buffer.of(), feeSat: 1n, changeSat: 0n },
    ...{ vbytes: 200, withdrawals: [], replaces, reason: null },
  });
  await tx.query(
    `insert into task_input (task_id, outpoint, position, payout_id)
     select $1, outpoint, position, payout_id from task_input where task_id = $2`,
    [taskId, replaces],
  );
  seen.replaced += 1;
}

async function settleAll(pool: Pool): Promise<void> {
  for (let round = 0; round < 40; round += 1) {
    if ((await plan(pool, ONE_EACH)).kind !== "planned") return;
  }
}

async function expectSound(pool: Pool): Promise<void> {
  const list = async (sql: string) => (await pool.query<Record<string, unknown>>(sql)).rows;
  const twice = await list(
    `select outpoint from task_input join task on task.id = task_id where state <> 'refused'
     group by outpoint having count(distinct task.payout_id) > 1`,
  );
  if (twice.length > 0) throw new Error(`coins in two payouts: ${JSON.stringify(twice)}`);
  const paidTwice = await list(
    `select withdrawal_id from task_withdrawal join task on task.id = task_id where state <> 'refused'
     group by withdrawal_id having count(distinct payout_id) > 1`,
  );
  if (paidTwice.length > 0) throw new Error(`withdrawals in two payouts: ${JSON.stringify(paidTwice)}`);
  const unsafe = await list(
    `select coin.outpoint from coin join reservation using (outpoint) join task maker on maker.id = made_by
     where height is null and exists (select from task other where other.payout_id = maker.payout_id
       and other.id <> maker.id and other.state not in ('refused', 'superseded'))`,
  );
  if (unsafe.length > 0) throw new Error(`built upon what is replaced: ${JSON.stringify(unsafe)}`);
  const loose = await list(
    `select outpoint from reservation where not exists
       (select from task_input input where input.outpoint = reservation.outpoint and input.payout_id = reservation.payout_id)`,
  );
  expect(loose).toEqual([]);
}
