// Step 3: one transaction of one wallet, planned within one database transaction in the wallet's lane.
import { MAX_MESSAGE_BYTES } from "@sluice/bridge";
import type { Wallet } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import {
  type Candidate,
  type Choice,
  choosePayout,
  type FeePolicy,
  feeRates,
  soonestMs,
  type WaitingCode,
} from "@sluice/planning";
import type { Transaction } from "@sluice/postgres";
import {
  feeHistory,
  freeCoins,
  longTermFeeRate,
  lostCoins,
  markPlanned,
  markWaiting,
  nextChangeIndex,
  takeLane,
  unconfirmedTransactions,
  useChangeIndex,
  waitingWithdrawals,
} from "@sluice/wallet-memory";
import type { Settings } from "./config.ts";
import { savePlan } from "./save-plan.ts";
import { countOpenTasks } from "./store/tasks.ts";

export type PlanPolicy = Pick<
  Settings,
  | "SLUICE_BATCH_MAX_WITHDRAWALS"
  | "SLUICE_OPEN_TASKS_MAX"
  | "SLUICE_SPEND_UNCONFIRMED_CHANGE"
  | "SLUICE_UNCONFIRMED_CHANGE_MAX_AGE_MS"
  | "SLUICE_LOST_COIN_BLOCKS"
> & { readonly fees: FeePolicy };

export type PlanOutcome =
  | { readonly kind: "planned"; readonly taskId: string; readonly transactionId: string; readonly withdrawals: number }
  /** Another instance plans this wallet just now. */
  | { readonly kind: "busy" }
  /** Nothing can be planned for so long. `changed` counts the withdrawals whose reason to wait is a new one. */
  | {
      readonly kind: "waiting";
      readonly codes: ReadonlyMap<string, WaitingCode>;
      readonly changed: number;
      readonly ripeInMs: number;
    };

/** Signatures add up to two fifths to a PSBT, and the signed one has to cross the bridge too: more is refused there. */
const MAX_REQUEST_BYTES = Math.floor((MAX_MESSAGE_BYTES * 2) / 3);
/** So many withdrawals are looked at together; when none of them can be paid, the next ones are. */
const PAGE = 200;

/** Reservations, task, withdrawals' states and the message come into being together, or not at all. */
export async function planWallet(
  tx: Transaction,
  wallet: Wallet,
  policy: PlanPolicy,
  sealer: Sealer,
): Promise<PlanOutcome> {
  const { walletId } = wallet;
  const lane = await takeLane(tx, walletId);
  if (lane === "busy") return { kind: "busy" };
  const codes = new Map<string, WaitingCode>();
  let ripeInMs = Number.POSITIVE_INFINITY;
  for (let page = 0; ; page += 1) {
    const candidates = await waitingWithdrawals(tx, walletId, { limit: PAGE, offset: page * PAGE });
    const choice =
      lane === "stopped" ? allWait(candidates, "LANE_STOPPED") : await chooseFrom(tx, wallet, policy, candidates);
    for (const [withdrawalId, code] of choice.waiting) codes.set(withdrawalId, code);
    ripeInMs = Math.min(ripeInMs, choice.ripeInMs);
    const { payout } = choice;
    if (payout === null && candidates.length === PAGE) continue;
    const changed = await markWaiting(tx, codes);
    if (payout === null) return { kind: "waiting", codes, changed, ripeInMs };
    if (payout.plan.changeSat !== null) await useChangeIndex(tx, walletId, await nextChangeIndex(tx, walletId));
    const withdrawals = await markPlanned(tx, walletId, payout.withdrawalIds);
    const saved = await savePlan(tx, walletId, payout.plan, { withdrawals, replaces: null, reason: null }, sealer);
    return { kind: "planned", ...saved, withdrawals: withdrawals.length };
  }
}

async function chooseFrom(
  tx: Transaction,
  wallet: Wallet,
  policy: PlanPolicy,
  candidates: readonly Candidate[],
): Promise<Choice> {
  const { walletId } = wallet;
  const { SLUICE_BATCH_MAX_WITHDRAWALS: maxWithdrawals, SLUICE_SPEND_UNCONFIRMED_CHANGE: spendUnconfirmed } = policy;
  const ripeInMs = soonestMs(candidates, maxWithdrawals);
  if (ripeInMs > 0) return { payout: null, waiting: new Map(), ripeInMs };
  // A zone that does not keep up slows the planning: what it could not take yet stays cleared, and free for other coins.
  if ((await countOpenTasks(tx, walletId)) >= policy.SLUICE_OPEN_TASKS_MAX) {
    return allWait(candidates, "ZONE_BUSY");
  }
  const anchors = candidates.flatMap(({ anchor }) => anchor ?? []);
  const { satPerKvbyte } = feeRates(policy.fees, await feeHistory(tx), Date.now());
  return choosePayout({
    ...{ wallet, candidates, maxWithdrawals, spendUnconfirmed, feeRatesSatPerKvbyte: satPerKvbyte },
    coins: await freeCoins(tx, walletId, anchors, policy.SLUICE_UNCONFIRMED_CHANGE_MAX_AGE_MS),
    lostCoins: await lostCoins(tx, walletId, policy.SLUICE_LOST_COIN_BLOCKS),
    unconfirmed: await unconfirmedTransactions(tx, walletId),
    // Every change goes to a fresh address.
    changeIndex: await nextChangeIndex(tx, walletId),
    longTermFeeRate: await longTermFeeRate(tx),
    maxRequestBytes: MAX_REQUEST_BYTES,
  });
}

function allWait(candidates: readonly Candidate[], code: WaitingCode): Choice {
  const waiting = new Map(candidates.map(({ withdrawalId }) => [withdrawalId, code]));
  return { payout: null, waiting, ripeInMs: Number.POSITIVE_INFINITY };
}
