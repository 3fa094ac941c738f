// Which coins of others a new task may share, by the rows of a real database: those that a signed version does without.
import { fileURLToPath } from "node:url";
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import type { Policy, ReadTask } from "@sluice/second-opinion";
import { expect, onTestFinished, test } from "vitest";
import { loadMemory, recordPayments, releasePayments } from "../src/index.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../services/semi-offline-risk/migrations", import.meta.url));
const NO_LIMITS = {
  ...{
    walletWindows: [],
    accountWindows: [],
    destinationWindows: [],
    windowsOfAccount: new Map(),
    limitsOfOrigin: new Map(),
    internal: undefined,
  },
  baseline: { historyMs: 1_000 },
} as unknown as Policy;

test("an input is spared once two holders have signed for all the same withdrawals without it, and by nothing less", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({ url: database.url, applicationName: "test" });
  onTestFinished(() => pool.end());
  await migrate(pool, [{ set: "semi-offline-risk", directory: MIGRATIONS }]);
  const order = (taskId: string, inputs: readonly string[], ids: readonly string[]) =>
    transaction(pool, async (tx) => {
      await tx.query(
        "insert into task (id, wallet_id, envelope, content_sha256, state, txid) values ($1, 'hot', '', '', 'ordered', $1)",
        [taskId],
      );
      const payments = ids.map((withdrawalId) => {
        const clearance = { backendKeyId: "backend-1" };
        return { withdrawalId, anchor: inputs[0] ?? "", account: "alice", scriptHex: "00", amountSat: 1n, clearance };
      });
      const common = { taskId, walletId: "hot", txid: taskId, outflowSat: 1n, atMs: 1, inputs };
      await recordPayments(tx, { ...common, payments: payments as never });
    });
  const settle = (taskId: string, state: "signed" | "refused") =>
    transaction(pool, async (tx) => {
      if (state === "refused") await releasePayments(tx, taskId);
      await tx.query("update task set state = $2 where id = $1", [taskId, state]);
    });
  const spared = async (...outpoints: readonly string[]) => {
    const inputs = outpoints.map((outpoint) => ({ outpoint }));
    const read = { due: [], decoded: { inputs } } as unknown as ReadTask;
    const { spenders } = await transaction(pool, (tx) => loadMemory(tx, "hot", read, NO_LIMITS, 2));
    return Object.fromEntries(spenders.map((each) => [each.taskId, each.spared?.toSorted() ?? null]));
  };

  await order("added", ["a:0", "x:0", "y:0"], ["w1", "w2"]);
  await settle("added", "signed");
  expect(await spared("x:0")).toEqual({ added: null });
  // One of the two withdrawals is not both.
  await order("part", ["a:0"], ["w1"]);
  await settle("part", "signed");
  expect(await spared("x:0")).toEqual({ added: null });
  await order("without", ["a:0", "y:0"], ["w1", "w2"]);
  expect(await spared("x:0")).toEqual({ added: null });
  await settle("without", "refused");
  expect(await spared("x:0")).toEqual({ added: null });
  await order("again", ["a:0", "y:0"], ["w2", "w1"]);
  await settle("again", "signed");
  expect(await spared("x:0")).toEqual({ added: ["x:0"] });
  expect(await spared("b:0", "x:0", "z:0")).toEqual({ added: ["x:0"] });
  // One input that is in every version is enough, and an anchor is in all of them.
  expect(await spared("x:0", "y:0")).toEqual({ added: null, again: null });
  expect(await spared("x:0", "a:0")).toEqual({ added: null, again: null, part: null });
  // With a larger batch that does without both.
  await order("larger", ["a:0"], ["w1", "w2", "w3"]);
  await settle("larger", "signed");
  expect(await spared("x:0", "y:0")).toEqual({ added: ["x:0", "y:0"], again: ["y:0"] });
  await order("inside", ["i:0"], []);
  await settle("inside", "signed");
  expect(await spared("i:0")).toEqual({ inside: null });
});
