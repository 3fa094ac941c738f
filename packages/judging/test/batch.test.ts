// A batch of many gives what as many batches of one give, in the same order: verdicts, findings, words to the backend, counts.
import { isDeepStrictEqual } from "node:util";

import { savepoint, type Transaction, transaction } from "@sluice/postgres";
import { lockNextToJudge, lockWithdrawal, type Stored } from "@sluice/risk-memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeBatch } from "../src/index.ts";
import { lay, NOW, plans, policyOf } from "./plans.ts";
import { judgingBy, useDatabase } from "./world.ts";

const { pool } = useDatabase();

test("whatever waits, a batch gives the same as one judged after the other", async () => {
  const seen = { runs: 0, withdrawals: 0, influenced: 0, left: 0, verdicts: new Map<string, number>() };
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const options = judgingBy(policyOf(plan), () => NOW);
      await undone(
        (work) => transaction(pool(), work),
        async (tx) => {
          await lay(tx, plan);
          const waiting = await lockNextToJudge(tx, NOW, [], 64);
          expect(waiting.map(({ id }) => id).toSorted()).toEqual(plan.waiting.map((_, at) => `w-${at}`).toSorted());
          const together = await afterwards(tx, async (inner) => {
            for (let rest = waiting; rest.length > 0; ) {
              const { judged, failed } = await judgeBatch(inner, options, rest);
              expect(failed).toEqual([]);
              expect(judged.length).toBeGreaterThan(0);
              rest = rest.slice(judged.length);
              seen.left += rest.length > 0 ? 1 : 0;
            }
          });
          const single = await afterwards(tx, async (inner) => {
            for (const { id } of waiting) await judgeBatch(inner, options, [await locked(inner, id)]);
          });
          expect(together).toEqual(single);
          // That it can fail: judged without what the others took, some verdicts are others.
          const apart: unknown[] = [];
          for (const { id } of waiting) {
            const alone = await afterwards(tx, async (inner) => {
              await judgeBatch(inner, options, [await locked(inner, id)]);
            });
            apart.push(alone.withdrawals.find((row) => row["id"] === id));
          }
          const same = waiting.every(({ id }, at) =>
            isDeepStrictEqual(
              single.withdrawals.find((row) => row["id"] === id),
              apart[at],
            ),
          );
          seen.runs += 1;
          seen.withdrawals += waiting.length;
          seen.influenced += same ? 0 : 1;
          for (const { state } of single.withdrawals as readonly { readonly state: string }[]) {
            seen.verdicts.set(state, (seen.verdicts.get(state) ?? 0) + 1);
          }
        },
      );
    }),
    { numRuns: RUNS, seed: 6 },
  );
  process.stdout.write(`judging: ${JSON.stringify({ ...seen, verdicts: Object.fromEntries(seen.verdicts) })}\n`);
  // Every verdict occurred, time was moved by another clock in some, and what companions took mattered in many.
  for (const state of ["cleared", "delayed", "held", "rejected"])
    expect(seen.verdicts.get(state)).toBeGreaterThan(RUNS / 10);
  expect(seen.influenced).toBeGreaterThan(RUNS / 10);
  expect(seen.left).toBeGreaterThan(0);
}, 120_000);

const RUNS = Number(process.env["SLUICE_JUDGING_RUNS"] ?? 40);

test("one whose rules throw fails alone, and its companions are judged", async () => {
  await undone(
    (work) => transaction(pool(), work),
    async (tx) => {
      const one = { account: "a", amount: 5, receivedAgoMs: 5, isDelayed: false, approved: false } as const;
      const plan = {
        past: [],
        logins: [],
        listed: [],
        suspended: false,
        windows: [],
        accountWindow: 2,
        holdsNew: false,
      };
      await lay(tx, { ...plan, waiting: [0, 1, 0, 0].map((script) => ({ ...one, script: script as 0 | 1 })) });
      const options = judgingBy(policyOf(plan), () => NOW);
      const screening = {
        screenScript: (script: Uint8Array) => {
          if (script[2] === 1) throw new Error("a fault that is its own");
          return options.screening.screenScript(script);
        },
      };
      const waiting = await lockNextToJudge(tx, NOW, [], 64);
      const { judged, failed } = await judgeBatch(tx, { ...options, screening }, waiting);
      expect(failed).toMatchObject([{ id: "w-1", error: { message: "a fault that is its own" } }]);
      // It took nothing from the window of the others.
      expect(judged.map(({ verdict }) => verdict)).toEqual(["clear", "clear", "delay"]);
      const { rows } = await tx.query("select id, state from withdrawal order by number");
      expect(rows.map(({ state }) => state)).toEqual(["cleared", "received", "cleared", "delayed"]);
    },
  );
});

async function locked(tx: Transaction, id: string): Promise<Stored> {
  const stored = await lockWithdrawal(tx, id);
  if (stored === undefined) throw new Error(`${id} is gone`);
  return stored;
}

class Undo extends Error {}

async function undone(
  within: (work: (tx: Transaction) => Promise<void>) => Promise<void>,
  work: (tx: Transaction) => Promise<void>,
) {
  await within(async (tx) => {
    await work(tx);
    throw new Undo();
  }).catch((error: unknown) => {
    if (!(error instanceof Undo)) throw error;
  });
}

type Row = Readonly<Record<string, unknown>>;

/** What the tables say after it is done; then it is undone. */
async function afterwards(tx: Transaction, work: (inner: Transaction) => Promise<void>) {
  const found: { [table: string]: readonly Row[] } = {};
  await undone(
    (inside) => savepoint(tx, inside),
    async (inner) => {
      await work(inner);
      for (const [table, sql] of Object.entries(TABLES)) found[table] = (await inner.query<Row>(sql)).rows;
    },
  );
  return { withdrawals: found["withdrawals"] ?? [], ...found };
}

const TABLES = {
  withdrawals: `select id, state, detail, revision, not_before_ms, approvals_required, approved_by, changed_at_ms, cleared_at_ms
    from withdrawal where id like 'w-%' order by id`,
  changes: "select * from withdrawal_change order by withdrawal_id, revision",
  findings: `select withdrawal_id, found_by, rule, verdict, reason, evidence, at_ms, row_number() over (partition by withdrawal_id order by id)
    from finding order by withdrawal_id, id`,
  sessions: "select * from withdrawal_session order by withdrawal_id",
  destinations: "select * from destination order by account, script_pubkey",
  minutes: "select * from cleared_minute order by asset, minute_ms",
  outbox: "select topic, key, message_id from outbox order by topic, key, id",
} as const;
