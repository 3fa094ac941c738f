// Step 3: one transaction of one wallet, planned within one database transaction in the wallet's lane.
import { MAX_MESSAGE_BYTES } from "@sluice/bridge";
import type { Wallet } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { choosePayout, type WaitingCode } from "@sluice/planning";
import { type Transaction, withLane } from "@sluice/postgres";
import { freeCoins, nextChangeIndex, useChangeIndex } from "@sluice/wallet-memory";
import { savePlan } from "./save-plan.ts";
import { countOpenTasks } from "./store/tasks.ts";
import { markPlanned, markWaiting, type WaitingWithdrawal, waitingWithdrawals } from "./store/withdrawals.ts";

export type PlanPolicy = {
  readonly feeRateSatPerVbyte: number;
  readonly batchMaxWithdrawals: number;
  readonly batchWaitMs: number;
  /** So many tasks of one wallet may wait for the semi-offline zone at once. */
  readonly openTasksMax: number;
};

export type PlanOutcome =
  | { readonly kind: "planned"; readonly taskId: string; readonly transactionId: string; readonly withdrawals: number }
  /** Another instance plans this wallet just now. */
  | { readonly kind: "busy" }
  /** Nothing waits, or the batch may still grow for so long. */
  | { readonly kind: "early"; readonly ripeInMs: number }
  /** `changed` counts the withdrawals whose reason to wait is a new one. */
  | { readonly kind: "waiting"; readonly codes: ReadonlyMap<string, WaitingCode>; readonly changed: number };

/** Signatures add up to two fifths to a PSBT, and the signed one has to cross the bridge too: more is refused there. */
const MAX_REQUEST_BYTES = Math.floor((MAX_MESSAGE_BYTES * 2) / 3);

/** Reservations, task, withdrawals' states and the message come into being together, or not at all. */
export async function planWallet(
  tx: Transaction,
  wallet: Wallet,
  policy: PlanPolicy,
  sealer: Sealer,
): Promise<PlanOutcome> {
  if (!(await withLane(tx, `wallet:${wallet.walletId}`))) return { kind: "busy" };
  const candidates = await waitingWithdrawals(tx, wallet.walletId, 5 * policy.batchMaxWithdrawals);
  const early = earliness(candidates, policy);
  if (early !== null) return early;
  // A zone that does not keep up slows the planning: what it could not take yet stays cleared, and free for other coins.
  if ((await countOpenTasks(tx, wallet.walletId)) >= policy.openTasksMax) {
    const codes = new Map(candidates.map(({ withdrawalId }) => [withdrawalId, "ZONE_BUSY" as const]));
    return { kind: "waiting", codes, changed: await markWaiting(tx, codes) };
  }

  const changeNumber = await nextChangeIndex(tx, wallet.walletId);
  const anchors = candidates.flatMap(({ anchor }) => anchor ?? []);
  const { payout, waiting } = choosePayout({
    wallet,
    coins: await freeCoins(tx, wallet.walletId, anchors),
    candidates,
    maxWithdrawals: policy.batchMaxWithdrawals,
    // Every change goes to a fresh address until those below the gap limit are used up; beyond it nobody would look.
    changeIndex: changeNumber % wallet.gapLimit,
    feeRateSatPerVbyte: policy.feeRateSatPerVbyte,
    maxRequestBytes: MAX_REQUEST_BYTES,
  });
  const changed = await markWaiting(tx, waiting);
  if (payout === null) return { kind: "waiting", codes: waiting, changed };
  if (payout.plan.changeSat !== null) await useChangeIndex(tx, wallet.walletId, changeNumber);
  const withdrawals = await markPlanned(tx, wallet.walletId, payout.withdrawalIds);
  const saved = await savePlan(tx, wallet.walletId, payout.plan, { withdrawals, replaces: null, reason: null }, sealer);
  return { kind: "planned", ...saved, withdrawals: withdrawals.length };
}

function earliness(candidates: readonly WaitingWithdrawal[], policy: PlanPolicy): PlanOutcome | null {
  const [oldest] = candidates;
  if (oldest === undefined) return { kind: "early", ripeInMs: Number.POSITIVE_INFINITY };
  if (candidates.length >= policy.batchMaxWithdrawals || oldest.waitedMs >= policy.batchWaitMs) return null;
  return { kind: "early", ripeInMs: policy.batchWaitMs - oldest.waitedMs };
}
