// What is recorded of a payout's versions comes back as one group, on a real database; given-up ones leave it.
import { fileURLToPath } from "node:url";
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { outflowBeside, type Policy, type ReadTask } from "@sluice/second-opinion";
import { expect, onTestFinished, test } from "vitest";
import { loadMemory, recordPayments } from "../src/index.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../services/semi-offline-risk/migrations", import.meta.url));
const NOW = 10_000_000;
const POLICY = {
  ...{
    walletWindows: [{ windowMs: 9_000_000 }],
    accountWindows: [],
    destinationWindows: [],
    windowsOfAccount: new Map(),
    limitsOfOrigin: new Map(),
    internal: undefined,
  },
  baseline: { historyMs: 9_000_000 },
} as unknown as Policy;

test("of two versions and another payout, the wallet's window and its hour hold the dearer version and the other", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({ url: database.url, applicationName: "test" });
  onTestFinished(() => pool.end());
  await migrate(pool, [{ set: "semi-offline-risk", directory: MIGRATIONS }]);
  const order = (txid: string, outflowSat: bigint, atMs: number, anchor: string | null) =>
    transaction(pool, async (tx) => {
      await tx.query(
        "insert into task (id, wallet_id, envelope, content_sha256, state, txid) values ($1, 'hot', '', '', 'ordered', $1)",
        [txid],
      );
      await recordPayments(tx, {
        taskId: txid,
        walletId: "hot",
        txid,
        outflowSat,
        atMs,
        inputs: [],
        anchor,
        payments: [],
      });
      await tx.query("update outflow set internal = false");
    });
  await order("v1", 100n, NOW - 3_000, "a:0");
  await order("v2", 130n, NOW - 2_000, "a:0");
  await order("other", 50n, NOW - 1_000, "b:0");
  const read = { due: [], decoded: { inputs: [] } } as unknown as ReadTask;
  const memory = await transaction(pool, (tx) => loadMemory(tx, "hot", read, POLICY, NOW));
  const beside = (anchor: string) => outflowBeside(memory.ofWallet, { atMs: NOW, amountMinor: 10n, anchor });
  const held = (anchor: string) => {
    const { past, candidate } = beside(anchor);
    return past.reduce((sum, { amountMinor }) => sum + amountMinor, candidate.amountMinor);
  };
  expect([held("a:0"), held("c:0")]).toEqual([180n, 190n]);
  expect(memory.thisHourOfWalletSat).toBe(180n);
});
