// Step 5 as a stage: a task that waits for its verdict gets it, in one transaction with everything that follows from it.
import type { Wallet } from "@sluice/chains";
import { open, type Sealer, type Trust } from "@sluice/contracts";
import { type Pool, type Transaction, transaction, withLane } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import {
  anchorOf,
  grossOutflowSat,
  type Judgement,
  judgeTask,
  type Policy,
  type ReadSoFar,
  readTask,
  reportOf,
} from "@sluice/second-opinion";
import { writeReport } from "./reports.ts";
import { latestMs, loadHistory, lockTask, moveTask, recordPayments, type StoredTask } from "./store.ts";

export type JudgeStage = {
  readonly pool: Pool;
  readonly trust: Trust;
  readonly sealer: Sealer;
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly policy: Policy;
  readonly logger: Logger;
  readonly onVerdict: (kind: Judgement["kind"]) => void;
};

const WAITING = ["received", "delayed"] as const;

export async function judgeOne(stage: JudgeStage, taskId: string): Promise<void> {
  const kind = await transaction(stage.pool, async (tx) => {
    const task = await lockTask(tx, taskId);
    if (task === null || (task.state !== "received" && task.state !== "delayed")) return null;
    // Limits are counted one task after the other.
    if (!(await withLane(tx, `wallet ${task.walletId}`))) return null;
    return judge(stage, tx, task);
  });
  if (kind === null) return;
  stage.logger.info({ taskId, verdict: kind }, "the offline verdict is on record");
  stage.onVerdict(kind);
}

async function judge(stage: JudgeStage, tx: Transaction, stored: StoredTask): Promise<Judgement["kind"]> {
  const nowMs = await latestMs(tx, Date.now());
  // Rows are no authority: the seal is verified again on what was read back.
  const opened = open(stage.trust, stored.envelope, ["signing.requested.v1"]);
  if (!opened.ok) {
    const findings = [{ withdrawalId: "", rule: opened.refusal.code, reason: opened.refusal.detail, evidence: {} }];
    return settle(stage, tx, stored.id, { withdrawals: [], txid: "" }, { kind: "refuse", findings }, nowMs);
  }
  const reading = readTask(opened.value.message, stage);
  if (reading.kind === "refuse") return settle(stage, tx, stored.id, reading, reading, nowMs);
  const { read } = reading;
  const history = await loadHistory(tx, stored.walletId, read, nowMs - longestWindowMs(stage.policy));
  const judgement = judgeTask(read, stage.policy, history, nowMs);
  if (judgement.kind === "sign") {
    await recordPayments(tx, {
      taskId: stored.id,
      walletId: stored.walletId,
      txid: read.decoded.txid,
      outflowSat: grossOutflowSat(read.decoded),
      atMs: nowMs,
      inputs: read.decoded.inputs.map(({ outpoint }) => outpoint),
      payments: read.due.map((due) => ({ ...due, anchor: anchorOf(due.withdrawalId, read, history) })),
    });
  }
  const withdrawals = read.due.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
  return settle(stage, tx, stored.id, { withdrawals, txid: read.decoded.txid }, judgement, nowMs);
}

async function settle(
  { sealer }: JudgeStage,
  tx: Transaction,
  taskId: string,
  read: ReadSoFar,
  judgement: Judgement,
  nowMs: number,
): Promise<Judgement["kind"]> {
  switch (judgement.kind) {
    case "sign":
      await moveTask(tx, taskId, WAITING, { state: "ordered", txid: read.txid });
      return "sign";
    case "delay": {
      await moveTask(tx, taskId, WAITING, { state: "delayed", dueAtMs: judgement.untilMs, txid: read.txid });
      await writeReport(tx, sealer, reportOf(taskId, read, judgement), nowMs);
      return "delay";
    }
    case "refuse": {
      await moveTask(tx, taskId, WAITING, { state: "refused", txid: read.txid });
      await writeReport(tx, sealer, reportOf(taskId, read, judgement), nowMs);
      return "refuse";
    }
    default:
      return judgement satisfies never;
  }
}

function longestWindowMs({ accountWindows, destinationWindows, walletWindows }: Policy): number {
  return Math.max(0, ...[...accountWindows, ...destinationWindows, ...walletWindows].map(({ windowMs }) => windowMs));
}
