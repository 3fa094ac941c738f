// Steps 6 and 7 as a stage: an ordered task gets the signatures of any two live holders, or a report of why not yet.
import { combineSignatures, decodePayout, type Wallet } from "@sluice/chains";
import { type Holder, type MessageOf, open, type Sealer, seal, type Trust, verifyClearance } from "@sluice/contracts";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import {
  aboutWithdrawals,
  type HolderOrder,
  type OfflineFinding,
  type OrderPlan,
  planOrders,
  toPartial,
} from "@sluice/second-opinion";
import type { Holders } from "./holders.ts";
import { listOrders, recordOrder } from "./order-store.ts";
import { writeReport } from "./reports.ts";
import { lockTask, moveTask, readAnchors, releasePayments, type StoredTask, setHoldersMissed } from "./store.ts";

export type SignStage = {
  readonly pool: Pool;
  readonly trust: Trust;
  readonly sealer: Sealer;
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly holders: Holders;
  readonly holderDeadlineMs: number;
  readonly logger: Logger;
};

type Task = MessageOf<"signing.requested.v1">;

/** Script multisig takes one round; threshold schemes take two. */
const ROUND = 1;
/** What a report says a wait for holders lasts at least; it goes on by itself as soon as two are there. */
const AGAIN_MS = 5_000;

export async function signOne(stage: SignStage, taskId: string): Promise<void> {
  const nowMs = Date.now();
  const orders = await transaction(stage.pool, async (tx) => {
    const stored = await lockTask(tx, taskId);
    if (stored?.state !== "ordered") return [];
    const opened = open(stage.trust, stored.envelope, ["signing.requested.v1"]);
    if (!opened.ok) throw new Error(`task ${taskId} does not open any more: ${opened.refusal.code}`);
    const task = opened.value.message;
    const known = await listOrders(tx, taskId);
    const plan = planOrders(known, stage.holders.live(), nowMs, stage.holderDeadlineMs);
    await carryOut(stage, tx, stored, task, known, plan, nowMs);
    if (plan.kind !== "order") return [];
    return writeOrders(stage, tx, task, plan.holders, nowMs);
  });
  // On record and committed: only now may a holder hear of it.
  for (const { holder, envelope } of orders) stage.holders.order(holder, envelope);
}

async function carryOut(
  stage: SignStage,
  tx: Transaction,
  stored: StoredTask,
  task: Task,
  known: readonly HolderOrder[],
  plan: OrderPlan,
  nowMs: number,
): Promise<void> {
  const { taskId } = task;
  switch (plan.kind) {
    case "combine": {
      const psbt = combine(stage, task, known);
      await moveTask(tx, taskId, ["ordered"], { state: "signed" });
      const signed = known.filter(({ answer }) => answer === "signatures").slice(0, 2);
      const value = { psbt, holders: signed.map(({ holder }) => holder) };
      await writeReport(tx, stage.sealer, { ...headOf(stage, task), verdict: { case: "signed", value } }, nowMs);
      stage.logger.info({ taskId, holders: value.holders }, "two holders signed");
      return;
    }
    case "impossible": {
      const findings = known.flatMap(refusalFinding);
      if (!plan.signatureMayExist) await releasePayments(tx, taskId);
      await moveTask(tx, taskId, ["ordered"], { state: "refused" });
      const value = { findings: aboutWithdrawals(findings, "refuse"), signatureMayExist: plan.signatureMayExist };
      await writeReport(tx, stage.sealer, { ...headOf(stage, task), verdict: { case: "refused", value } }, nowMs);
      stage.logger.error({ taskId, findings }, "ALARM: two holders refuse what was found to be good");
      return;
    }
    case "short": {
      if (stored.holdersMissed) return;
      await setHoldersMissed(tx, taskId, true);
      const findings = aboutWithdrawals([missingFinding(plan.live)], "delay");
      const value = { untilMs: nowMs + AGAIN_MS, findings };
      await writeReport(tx, stage.sealer, { ...headOf(stage, task), verdict: { case: "delayed", value } }, nowMs);
      stage.logger.warn({ taskId, live: plan.live }, "signing waits for holders");
      return;
    }
    case "order":
    case "wait":
      if (stored.holdersMissed) await setHoldersMissed(tx, taskId, false);
      return;
    default:
      return plan satisfies never;
  }
}

type OutgoingOrder = { readonly holder: Holder; readonly envelope: Uint8Array };

async function writeOrders(
  stage: SignStage,
  tx: Transaction,
  task: Task,
  holders: readonly Holder[],
  nowMs: number,
): Promise<readonly OutgoingOrder[]> {
  const { taskId, walletId, psbt } = task;
  const cleared = clearancesOf(stage, task);
  const anchors = await readAnchors(
    tx,
    cleared.map(({ withdrawalId }) => withdrawalId),
  );
  const withdrawals = cleared.map(({ withdrawalId, clearance }) => {
    const anchor = anchors.get(withdrawalId);
    if (anchor === undefined) throw new Error(`${withdrawalId} is ordered without an anchor`);
    return { withdrawalId, anchor, clearance };
  });
  for (const holder of holders) await recordOrder(tx, taskId, holder, nowMs);
  const { transactionId } = headOf(stage, task);
  return holders.map((holder) => ({
    holder,
    envelope: seal(stage.sealer, "signing.ordered.v1", {
      id: `${taskId}/${holder}/${ROUND}`,
      key: walletId,
      occurredAtMs: nowMs,
      message: { taskId, walletId, holder, round: ROUND, transactionId, psbt, withdrawals },
    }),
  }));
}

function combine(stage: SignStage, task: Task, known: readonly HolderOrder[]): Uint8Array {
  const wallet = walletOf(stage, task);
  const partials = known.flatMap(({ answer, envelope }) => {
    if (answer !== "signatures" || envelope === null) return [];
    const opened = open(stage.trust, envelope, ["signing.answered.v1"]);
    const partial = opened.ok ? toPartial(opened.value.message, task.psbt, wallet) : null;
    return partial === null ? [] : [partial];
  });
  const combined = combineSignatures(task.psbt, partials.slice(0, 2), wallet.descriptor);
  // Each was verified when it came, so this is a broken invariant, not a holder's fault.
  if (!combined.ok) throw new Error(`task ${task.taskId} cannot be combined: ${combined.refusal.code}`);
  return combined.value.psbt;
}

function headOf(stage: SignStage, task: Task) {
  const cleared = clearancesOf(stage, task);
  const withdrawals = cleared.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
  return { taskId: task.taskId, transactionId: transactionIdOf(stage, task), withdrawals };
}

function clearancesOf({ trust }: SignStage, task: Task) {
  return task.withdrawals.map(({ clearance, attempt }) => {
    const verified = verifyClearance(trust, clearance);
    if (!verified.ok) throw new Error(`a clearance of task ${task.taskId} does not verify any more`);
    return { withdrawalId: verified.value.request.id, attempt, clearance };
  });
}

function transactionIdOf(stage: SignStage, task: Task): string {
  const { descriptor, gapLimit } = walletOf(stage, task);
  const decoded = decodePayout(task.psbt, descriptor, { gapLimit });
  if (!decoded.ok) throw new Error(`task ${task.taskId} does not decode any more: ${decoded.refusal.code}`);
  return decoded.value.txid;
}

function walletOf({ wallets }: SignStage, { walletId }: Task): Wallet {
  const wallet = wallets.get(walletId);
  if (wallet === undefined) throw new Error(`wallet ${walletId} is gone`);
  return wallet;
}

function refusalFinding({ holder, answer, refusalCode, refusalReason }: HolderOrder): readonly OfflineFinding[] {
  if (answer !== "refusal" && answer !== "invalid") return [];
  return [
    {
      withdrawalId: "",
      rule: refusalCode ?? "HOLDER_REFUSED",
      reason: `${holder}: ${refusalReason ?? ""}`,
      evidence: { holder },
    },
  ];
}

function missingFinding(live: readonly string[]): OfflineFinding {
  const reason = `two key holders are needed and ${live.length === 0 ? "none" : live.length} can sign now`;
  return { withdrawalId: "", rule: "HOLDERS_UNAVAILABLE", reason, evidence: { live: live.join(" ") } };
}
