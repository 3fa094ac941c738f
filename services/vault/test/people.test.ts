// What waits for a person, and what a person says about it: over HTTP, on real Postgres, refused where the state does not allow it.
import { createHttpServer } from "@sluice/http";
import { transaction } from "@sluice/postgres";
import { addRoutes } from "@sluice/vault-desk";
import { clearAgain, MOST_ATTEMPTS, releaseCoins, reservedCoins, setAnchor } from "@sluice/wallet-memory";
import { expect, it, onTestFinished } from "vitest";
import { settleTask } from "../src/store/tasks.ts";
import { fund } from "./support/holders.ts";
import * as world from "./support/planning.ts";
import { poolOf, putCoin, putWithdrawal, test, usePlanningDatabase } from "./support/planning.ts";

const database = usePlanningDatabase();
const pool = () => poolOf(database.pools);
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, trace: () => {}, fatal: () => {} };
const WHO = { by: "ann", reason: "the journals were read: nobody has signed it" };

async function desk() {
  const said: string[] = [];
  const logger = { ...quiet, child: () => logger, level: "info", silent: () => {} };
  const http = await createHttpServer({ logger: logger as never });
  addRoutes(http, pool(), { newest: () => null } as never, (words, what) => said.push(`${words.by}: ${what}`));
  onTestFinished(() => http.close());
  const address = await http.listen({ host: "127.0.0.1", port: 0 });
  const ask = async (path: string, body?: object) => {
    const asked =
      body === undefined
        ? {}
        : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const answer = await fetch(`${address}${path}`, asked);
    const content = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, code: content["code"], content };
  };
  return { ask, said };
}

async function planNow() {
  const outcome = await world.plan(pool());
  if (outcome.kind !== "planned") throw new Error(`it is ${outcome.kind}`);
  const inputs = await transaction(pool(), (tx) => reservedCoins(tx, outcome.taskId));
  return { ...outcome, inputs: inputs.map(({ outpoint }) => outpoint) };
}

/** As after a report that a signature may exist. */
async function stuckTask() {
  for (const sat of [15_000n, 25_000n, 26_000n, 90_000n]) await putCoin(pool(), fund(test, sat));
  for (const id of ["w-1", "w-2"]) await putWithdrawal(pool(), { id, amountSat: 18_000n });
  const task = await planNow();
  await transaction(pool(), async (tx) => {
    await settleTask(tx, task.taskId, { state: "stuck_for_person", code: "SIGNATURE_MAY_EXIST", report: Buffer.of(1) });
    await setAnchor(tx, ["w-1", "w-2"], task.inputs[0] ?? "");
  });
  return task;
}

it("a stuck task is planned again by a named person, from its anchor, with none of its other coins", async () => {
  const { ask, said } = await desk();
  const stuck = await stuckTask();
  const path = `/tasks/${stuck.taskId}/plan-again`;
  expect(await ask(path, { by: "ann" })).toMatchObject({ status: 400 });
  expect(await ask("/tasks/unheard-of/plan-again", WHO)).toMatchObject({ status: 404, code: "TASK_UNKNOWN" });
  expect(await ask(path, WHO)).toMatchObject({ status: 200 });
  expect(await ask(path, WHO)).toMatchObject({ status: 409, code: "TASK_NOT_STUCK" });
  expect(said).toEqual(["ann: a person has a task planned again"]);
  // Somebody else's withdrawal, due at the same time, does not take the anchor.
  await putWithdrawal(pool(), { id: "w-0", amountSat: 18_000n });
  const plans = [await planNow(), await planNow()];
  const { rows } = await pool().query<{ taskId: string; ids: string }>(
    `select task_id as "taskId", string_agg(withdrawal_id, ' ' order by withdrawal_id) as ids from task_withdrawal
     where live group by task_id`,
  );
  const idsOf = new Map(rows.map(({ taskId, ids }) => [taskId, ids]));
  const again = plans.find(({ taskId }) => idsOf.get(taskId) === "w-1 w-2");
  const other = plans.find(({ taskId }) => idsOf.get(taskId) === "w-0");
  expect(again?.inputs[0]).toBe(stuck.inputs[0]);
  expect(again?.inputs.slice(1).filter((outpoint) => stuck.inputs.includes(outpoint))).toEqual([]);
  expect(other?.inputs.filter((outpoint) => stuck.inputs.includes(outpoint))).toEqual([]);
  const { content } = await ask("/tasks");
  expect(content["decisions"]).toMatchObject([{ taskId: stuck.taskId, code: "SIGNATURE_MAY_EXIST", ...WHO }]);
  await expect(pool().query("delete from task_decision")).rejects.toThrow("only ever added to");
});

it("a task that waits for nobody is refused, whatever state it is in", async () => {
  const { ask } = await desk();
  await putCoin(pool(), fund(test, 90_000n));
  await putWithdrawal(pool(), { id: "w-1", amountSat: 18_000n });
  const { taskId } = await planNow();
  for (const state of ["planned", "submitted", "delayed", "refused", "signed", "confirmed", "superseded"]) {
    await pool().query("update task set state = $1", [state]);
    expect(await ask(`/tasks/${taskId}/plan-again`, WHO)).toMatchObject({ status: 409, code: "TASK_NOT_STUCK" });
  }
});

it("a refusal that names nobody is tried again ever more rarely, then waits for a person, who has it tried again", async () => {
  const { ask } = await desk();
  await putCoin(pool(), fund(test, 90_000n));
  await putWithdrawal(pool(), { id: "w-1", amountSat: 18_000n });
  let tries = 0;
  for (;;) {
    await pool().query("update withdrawal set plan_after = now() where plan_after < 'infinity'");
    const outcome = await world.plan(pool());
    if (outcome.kind !== "planned") break;
    tries += 1;
    await transaction(pool(), async (tx) => {
      await settleTask(tx, outcome.taskId, { state: "refused", code: "FEE_TOO_LOW", report: Buffer.of(1) });
      await releaseCoins(tx, outcome.taskId);
      await clearAgain(tx, ["w-1"], "FEE_TOO_LOW", 1_000);
    });
  }
  expect(tries).toBe(MOST_ATTEMPTS);
  const waiting = async () => ((await ask("/tasks")).content["waiting"] as { code: string }[]).map(({ code }) => code);
  expect(await waiting()).toEqual(["REFUSED_TOO_OFTEN"]);
  expect(await ask("/withdrawals/w-1/plan-again", WHO)).toMatchObject({ status: 200 });
  expect(await ask("/withdrawals/w-1/plan-again", WHO)).toMatchObject({ status: 409, code: "WITHDRAWAL_NOT_STUCK" });
  expect(await ask("/withdrawals/w-9/plan-again", WHO)).toMatchObject({ status: 409, code: "WITHDRAWAL_NOT_STUCK" });
  const { rows } = await pool().query("select code, said_by, reason from task_decision");
  expect(rows).toContainEqual({ code: "REFUSED_TOO_OFTEN", said_by: WHO.by, reason: WHO.reason });
  expect(await world.plan(pool())).toMatchObject({ kind: "planned" });
});
