// Vault's planning on a database of its own, without processes: its functions called as vault calls them.
import { type Coin, decodePayout, INDEX_LIMIT } from "@sluice/chains";
import { type OpenedOf, type Producer, type Sealer, seal } from "@sluice/contracts";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import { DESTINATION, makeSeals } from "@sluice/signing-fixtures";
import { addChange, insertWithdrawal, upsertCoin } from "@sluice/wallet-memory";
import { beforeEach } from "vitest";
import { handleRiskReported } from "../../src/handlers/risk-reported.ts";
import { type PlanOutcome, type PlanPolicy, planWallet } from "../../src/plan-wallet.ts";
import { lockTask } from "../../src/store/tasks.ts";
import { poolOf, useVaultDatabase } from "./database.ts";
import { createTestWallet, signWithTwo } from "./holders.ts";

export { poolOf } from "./database.ts";

export const test = createTestWallet();
export const wallet = { walletId: "hot-1", descriptor: test.descriptor, gapLimit: test.gapLimit };
const seals: { readonly sealers: Readonly<Record<Producer, Sealer>> } = makeSeals();
export const { sealers } = seals;

export const POLICY: PlanPolicy = {
  SLUICE_BATCH_MAX_WITHDRAWALS: 3,
  SLUICE_OPEN_TASKS_MAX: 400,
  SLUICE_SPEND_UNCONFIRMED_CHANGE: true,
  SLUICE_UNCONFIRMED_CHANGE_MAX_AGE_MS: 60_000,
  SLUICE_LOST_COIN_BLOCKS: 100,
  fees: {
    ...{ configuredSatPerKvbyte: 2_000n, floorSatPerKvbyte: 1_000n, ceilingSatPerKvbyte: 50_000n },
    targetBlocks: { fast: 2, normal: 6, economy: 24 },
    ...{ maxAgeMs: 60_000, outlierFactor: 5 },
  },
};

/** An empty database before each test, and so many pools on it, as many instances have. */
export function usePlanningDatabase(instances = 1): { readonly pools: readonly Pool[] } {
  const database = useVaultDatabase(instances);
  beforeEach(() => empty(poolOf(database.pools)));
  return database;
}

export async function empty(pool: Pool): Promise<void> {
  await pool.query(
    `truncate withdrawal, coin, task, task_withdrawal, task_input, reservation, wallet_index, bump, refill,
     coin_sighting, fee_estimate, fee_hour, outbox cascade`,
  );
}

export type Wanted = {
  readonly id: string;
  readonly amountSat: bigint;
  readonly priority?: "fast" | "normal" | "economy";
  readonly dueInMs?: number;
};

export function putWithdrawal(
  pool: Pool,
  { id, amountSat, priority = "normal", dueInMs = 0 }: Wanted,
): Promise<boolean> {
  const clearance = Buffer.of(1);
  const about = { withdrawalId: id, clearance, account: "alice", address: DESTINATION, amountSat };
  return transaction(pool, (tx) => insertWithdrawal(tx, { ...about, priority, dueInMs }));
}

export function putCoin(pool: Pool, coin: Coin): Promise<void> {
  return transaction(pool, (tx) => upsertCoin(tx, wallet.walletId, coin, 101, true));
}

export function plan(pool: Pool, changes: Partial<PlanPolicy> = {}): Promise<PlanOutcome> {
  return transaction(pool, (tx) => planWallet(tx, wallet, { ...POLICY, ...changes }, sealers.vault));
}

/** The zone's verdict through vault's own handler, with real signatures. */
export async function reportSigned(pool: Pool, taskId: string): Promise<void> {
  await transaction(pool, async (tx) => {
    const task = await lockTask(tx, taskId);
    if (task === null) throw new Error("there is no such task");
    const message = {
      ...{
        number: 1n,
        taskId,
        withdrawals: task.withdrawals.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt })),
      },
      transactionId: task.transactionId,
      verdict: { case: "signed", value: { psbt: signWithTwo(test, task.psbt), holders: ["a", "b"] } },
    } as const;
    const content = { id: `report-${taskId}`, key: taskId, occurredAtMs: 1, message };
    const envelope = seal(sealers["semi-offline-risk"], "risk.reported.v1", content);
    const opened = { ...content, type: "risk.reported.v1", producer: "semi-offline-risk", keyId: "k", envelope };
    const handle = handleRiskReported(new Map([[wallet.walletId, wallet]]), sealers.vault);
    const decision = await handle(tx, opened as unknown as OpenedOf<"risk.reported.v1">);
    if (decision.kind !== "signed") throw new Error(`the report was ${decision.kind}`);
  });
}

/** As after the zone's verdict, without the signatures: they take long, and a transaction's id does not depend on them. */
export async function signQuickly(tx: Transaction, taskId: string): Promise<void> {
  const task = await lockTask(tx, taskId);
  if (task === null) throw new Error("there is no such task");
  const decoded = decodePayout(task.psbt, wallet.descriptor, { ...wallet, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(decoded.refusal.code);
  const { unsignedTransaction: previousTransaction, txid, change } = decoded.value;
  await tx.query("update task set state = 'signed', transaction = $2, taken_at = now() where id = $1", [
    taskId,
    previousTransaction,
  ]);
  await tx.query(
    "update withdrawal set state = 'signed' where id in (select withdrawal_id from task_withdrawal where task_id = $1)",
    [taskId],
  );
  for (const { index: vout, branch, pathIndex: index, amountSat } of change) {
    const coin = { txid, vout, amountSat, branch, index, previousTransaction };
    await addChange(tx, { taskId, walletId: wallet.walletId, coin });
  }
}
