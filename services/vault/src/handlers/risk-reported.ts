// Step 8: the semi-offline zone's verdict takes effect, and goes on to the others exactly as it came.
import { decodePayout, INDEX_LIMIT, type Wallet } from "@sluice/chains";
import type { OpenedOf, Sealer } from "@sluice/contracts";
import { backoffMs, unreachable } from "@sluice/core";
import { appendOutbox } from "@sluice/messaging";
import { announce } from "@sluice/online-service";
import { decideReport, type ReportDecision } from "@sluice/planning";
import type { Transaction } from "@sluice/postgres";
import {
  addChange,
  clearAgain,
  noteBumpRefused,
  parkReport,
  parseOutpoint,
  releaseCoins,
  reservedCoins,
  returnChangeIndex,
  setAnchor,
  settlePlanned,
} from "@sluice/wallet-memory";
import type { Wallets } from "../config.ts";
import { delayTask, type LoadedTask, lockTask, settleTask } from "../store/tasks.ts";
import { tellOfWork } from "../work.ts";

/** Called within the transaction that holds the message's inbox row. Resolves to what was decided, for the log. */
export function handleRiskReported(wallets: Wallets, sealer: Sealer) {
  return async (tx: Transaction, opened: OpenedOf<"risk.reported.v1">): Promise<ReportDecision> => {
    const { message, envelope, id, key } = opened;
    const task = await lockTask(tx, message.taskId);
    const wallet = wallets.get(task?.walletId ?? "");
    if (task === null || wallet === undefined) return park(tx, opened, "TASK_UNKNOWN", message.taskId);
    const decision = decideReport(task, message, wallet.descriptor);
    if (decision.kind === "parked") return park(tx, opened, decision.code, decision.detail);
    if (decision.kind === "known") return decision;
    if (decision.kind !== "late") await take(tx, task, decision, envelope, wallet, sealer);
    await tellOfWork(tx);
    if (decision.kind === "stuck" && !decision.publish) return decision;
    await appendOutbox(tx, { topic: "risk.reported.v1", key, id, envelope });
    return decision;
  };
}

type Parked = Extract<ReportDecision, { readonly kind: "parked" }>;

async function park(
  tx: Transaction,
  { envelope, message: { taskId } }: OpenedOf<"risk.reported.v1">,
  code: Parked["code"],
  detail: string,
): Promise<Parked> {
  await parkReport(tx, { envelope, taskId, code, detail });
  return { kind: "parked", code, detail };
}

async function take(
  tx: Transaction,
  task: LoadedTask,
  decision: Exclude<ReportDecision, { readonly kind: "parked" | "known" | "late" }>,
  report: Uint8Array,
  wallet: Wallet,
  sealer: Sealer,
): Promise<void> {
  const { taskId } = task;
  const withdrawalIds = task.withdrawals.map(({ withdrawalId }) => withdrawalId);
  switch (decision.kind) {
    case "signed":
      await settleTask(tx, taskId, { state: "signed", report, transaction: decision.transaction });
      if (task.replaces === null) await settlePlanned(tx, withdrawalIds, "signed");
      await keepChange(tx, task, wallet, decision.transaction);
      return release(tx, task, decision.transaction, sealer);
    case "delayed":
      return delayTask(tx, taskId, decision.untilMs, report);
    case "refused": {
      const { code, detail, refused, suspended, replanned } = decision;
      await settleTask(tx, taskId, { state: "refused", code, detail, report });
      await releaseCoins(tx, taskId);
      await returnChangeIndex(tx, wallet, task.psbt);
      await settlePlanned(tx, refused, "refused");
      await clearAgain(tx, suspended, code, waitMsAfterRefusal(task));
      const isFreed = refused.length + suspended.length > 0;
      return clearAgain(tx, replanned, code, isFreed ? null : waitMsAfterRefusal(task));
    }
    case "given-up": {
      await settleTask(tx, taskId, { state: "refused", code: decision.code, detail: decision.detail, report });
      await releaseCoins(tx, taskId);
      await returnChangeIndex(tx, wallet, task.psbt);
      return noteBumpRefused(tx, taskId, decision.code, decision.detail);
    }
    case "stuck": {
      const { code, detail } = decision;
      await settleTask(tx, taskId, { state: "stuck_for_person", code, detail, report });
      const [first] = await reservedCoins(tx, taskId);
      if (first === undefined) throw new Error(`task ${taskId} has no reservation`);
      return setAnchor(tx, withdrawalIds, first.outpoint);
    }
    default:
      return unreachable(decision);
  }
}

/** What was refused as a whole would be refused again at once. */
function waitMsAfterRefusal({ withdrawals }: LoadedTask): number {
  const attempt = Math.max(...withdrawals.map((withdrawal) => withdrawal.attempt));
  return backoffMs(attempt, { firstMs: 2_000, longestMs: 600_000 }, Math.random());
}

/** What goes back to the wallet is a coin from now on; whether it may be spent before it is in a block is for the planner. */
async function keepChange(
  tx: Transaction,
  task: LoadedTask,
  wallet: Wallet,
  previousTransaction: Uint8Array,
): Promise<void> {
  const { taskId, walletId, transactionId: txid, psbt } = task;
  const decoded = decodePayout(psbt, wallet.descriptor, { gapLimit: wallet.gapLimit, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(`what was planned and signed does not decode: ${decoded.refusal.code}`);
  for (const { index: vout, branch, pathIndex: index, amountSat } of decoded.value.change) {
    await addChange(tx, { taskId, walletId, coin: { txid, vout, amountSat, branch, index, previousTransaction } });
  }
}

/** Treasury books it and the gateway broadcasts it, each from this one message. */
async function release(tx: Transaction, task: LoadedTask, transaction: Uint8Array, sealer: Sealer): Promise<void> {
  const { taskId, walletId, transactionId, feeSat, changeSat, purpose } = task;
  const spent = (await reservedCoins(tx, taskId)).map(({ outpoint, amountSat }) => {
    const { txid, vout } = parseOutpoint(outpoint);
    return { transactionId: txid, vout, amountSat };
  });
  const payouts = task.withdrawals;
  await announce(tx, sealer, "transaction.signed.v1", {
    id: `${taskId}/signed`,
    key: walletId,
    occurredAtMs: Date.now(),
    message: {
      ...{ taskId, walletId, transactionId, transaction, payouts, spent, feeSat, changeSat, purpose },
      replaces: task.replacesTransaction ?? "",
    },
  });
}
