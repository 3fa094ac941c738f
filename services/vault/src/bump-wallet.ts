// Step 10: one transaction of a wallet that does not get into a block is replaced, or gets a child; or it is said why not.
import type { Wallet } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { backoffMs } from "@sluice/core";
import type { BumpCaps, BumpDecision } from "@sluice/planning";
import type { Transaction } from "@sluice/postgres";
import { answerBump, countReplacement, dueBump, lockVersions, takeLane, weighBump } from "@sluice/wallet-memory";
import { savePlan } from "./save-plan.ts";
import { type LoadedTask, lockTaskOfTransaction } from "./store/tasks.ts";

export type BumpPolicy = BumpCaps & { readonly pauseMs: number };

export type Bumped = { readonly transactionId: string; readonly code: string; readonly detail: string };

/** Null when none is due, another instance is at this wallet, or its lane is stopped. */
export async function bumpWallet(
  tx: Transaction,
  wallet: Wallet,
  policy: BumpPolicy,
  sealer: Sealer,
): Promise<Bumped | null> {
  const { walletId } = wallet;
  if ((await takeLane(tx, walletId)) !== "taken") return null;
  const due = await dueBump(tx, walletId);
  if (due === null) return null;
  const { transactionId, payoutId } = due;
  await lockVersions(tx, transactionId);
  const version = await lockTaskOfTransaction(tx, transactionId);
  const pausedMs = backoffMs(due.bumps + 1, { firstMs: policy.pauseMs, longestMs: 16 * policy.pauseMs }, 0.5);
  const answer = { taskId: null, nextInMs: pausedMs };
  if (version?.state !== "signed") {
    await answerBump(tx, payoutId, {
      ...answer,
      code: "NOT_STUCK",
      detail: "it is not waiting for a block",
      again: false,
    });
    return { transactionId, code: "NOT_STUCK", detail: "" };
  }
  const decision = await weighBump(tx, wallet, policy, due, version);
  if (decision.kind === "wait") {
    const { code, detail } = decision;
    await answerBump(tx, payoutId, {
      ...answer,
      code,
      detail,
      again: code !== "FEE_IS_ENOUGH" && code !== "BUMPED_TOO_OFTEN",
    });
    return { transactionId, code, detail };
  }
  const saved = await save(tx, wallet, decision, version, sealer);
  const code = decision.kind === "replace" ? "REPLACED" : "CHILD";
  const detail = `task ${saved.taskId} pays ${decision.plan.feeSat} satoshi`;
  await answerBump(tx, payoutId, { ...answer, taskId: saved.taskId, code, detail, again: false });
  return { transactionId, code, detail };
}

async function save(
  tx: Transaction,
  { walletId }: Wallet,
  decision: Exclude<BumpDecision, { readonly kind: "wait" }>,
  version: LoadedTask,
  sealer: Sealer,
): Promise<{ readonly taskId: string }> {
  if (decision.kind === "child") {
    const plan = { ...decision.plan, changeSat: decision.plan.outputSats[0] ?? null };
    return savePlan(tx, walletId, plan, { withdrawals: [], replaces: null, reason: "child" }, sealer);
  }
  const { taskId, transactionId } = version;
  const ids = version.withdrawals.map(({ withdrawalId }) => withdrawalId);
  const withdrawals = await countReplacement(tx, walletId, ids);
  return savePlan(
    tx,
    walletId,
    decision.plan,
    { withdrawals, replaces: { taskId, transactionId }, reason: null },
    sealer,
  );
}
