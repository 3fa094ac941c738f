// What was ordered at the request of one key comes back under that key, for all accounts together, on a real database.
import { fileURLToPath } from "node:url";
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import type { Policy, ReadTask } from "@sluice/second-opinion";
import { expect, onTestFinished, test } from "vitest";
import { loadMemory, recordPayments } from "../src/index.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../services/semi-offline-risk/migrations", import.meta.url));
const NOW = 10_000_000;
const POLICY = {
  ...{
    walletWindows: [],
    accountWindows: [],
    destinationWindows: [],
    windowsOfAccount: new Map(),
    internal: undefined,
  },
  limitsOfOrigin: new Map([["facade", { keyId: "facade", windows: [{ windowMs: 5_000 }] }]]),
  baseline: { historyMs: 1_000 },
} as unknown as Policy;

test("payments count for the key that requested them, within its longest window", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({ url: database.url, applicationName: "test" });
  onTestFinished(() => pool.end());
  await migrate(pool, [{ set: "semi-offline-risk", directory: MIGRATIONS }]);
  const due = (withdrawalId: string, backendKeyId: string, account = "alice") => ({
    ...{ withdrawalId, account, scriptHex: "00", amountSat: 7n, clearance: { backendKeyId } },
  });
  const order = (id: string, backendKeyId: string, atMs: number, account: string) =>
    transaction(pool, async (tx) => {
      await tx.query(
        "insert into task (id, wallet_id, envelope, content_sha256, state, txid) values ($1, 'hot', '', '', 'ordered', $1)",
        [id],
      );
      const payments = [{ ...due(id, backendKeyId, account), anchor: `${id}:0` }] as never;
      await recordPayments(tx, { taskId: id, walletId: "hot", txid: id, outflowSat: 7n, atMs, inputs: [], payments });
    });
  await order("old", "facade", NOW - 5_000, "alice");
  await order("f1", "facade", NOW - 4_999, "alice");
  await order("f2", "facade", NOW - 1, "bob");
  await order("b1", "backend", NOW - 1, "alice");
  // Ordered before the key was kept.
  await pool.query(
    "insert into payment select 'w0', anchor, task_id, txid, account, script, amount_sat, at_ms from payment limit 1",
  );
  const read = { due: [due("w9", "facade")], decoded: { inputs: [] } } as unknown as ReadTask;
  const { byOrigin } = await transaction(pool, (tx) => loadMemory(tx, "hot", read, POLICY, NOW));
  expect([...byOrigin.keys()]).toEqual(["facade"]);
  expect(
    byOrigin
      .get("facade")
      ?.map(({ atMs }) => atMs)
      .toSorted(),
  ).toEqual([NOW - 4_999, NOW - 1]);
});
