// Step 3: the next transaction of a wallet: whom it pays, at which fee rate and with which coins. Pure.
import { outpointOf, type PlannedPayout, planPayout } from "@sluice/chains";
import { PRIORITIES, type Priority } from "@sluice/contracts";
import { type Candidate, chooseBatch } from "./choose-batch.ts";
import { type BuildPayout, type PaymentCode, type PaymentRequest, planPayments } from "./plan-payments.ts";

export type WaitingCode = PaymentCode | "ZONE_BUSY" | "LANE_STOPPED";

export type Choice = {
  /** Null when nothing can be paid now, or may still grow. */
  readonly payout: { readonly plan: PlannedPayout; readonly withdrawalIds: readonly string[] } | null;
  /** Why others that were looked at cannot be paid now. */
  readonly waiting: ReadonlyMap<string, WaitingCode>;
  readonly ripeInMs: number;
};

export type ChoiceRequest = PaymentRequest & {
  /** Earliest deadline first. */
  readonly candidates: readonly Candidate[];
  readonly maxWithdrawals: number;
  readonly feeRatesSatPerKvbyte: Readonly<Record<Priority, bigint>>;
};

/** A batch pays the rate of the most urgent in it. */
export function choosePayout(request: ChoiceRequest, build: BuildPayout = planPayout): Choice {
  const { candidates, maxWithdrawals, coins, lostCoins = [], feeRatesSatPerKvbyte } = request;
  // What one withdrawal has to spend is nobody else's, although it is not reserved while that one waits.
  const anchors = new Set(candidates.flatMap(({ anchor }) => anchor ?? []));
  const lost = lostCoins.filter((coin) => !anchors.has(outpointOf(coin)));
  const coinsSat = [...coins, ...lost].reduce((sum, { amountSat }) => sum + amountSat, 0n);
  const batch = chooseBatch<PlannedPayout, WaitingCode>(candidates, maxWithdrawals, (payments, required) => {
    const paySat = payments.reduce((sum, { amountSat }) => sum + amountSat, 0n);
    // Known without building anything: among many that wait for funds, each is looked at again and again.
    if (paySat >= coinsSat && required.length === 0) return { ok: false, code: "INSUFFICIENT_FUNDS" };
    const own = coins.filter((coin) => required.includes(outpointOf(coin)) || !anchors.has(outpointOf(coin)));
    return planPayments(
      { ...request, coins: own, lostCoins: lost },
      payments,
      required,
      feeRatesSatPerKvbyte[mostUrgent(payments)],
      build,
    );
  });
  const { payout, waiting, ripeInMs } = batch;
  if (payout === null) return { payout, waiting, ripeInMs };
  const withdrawalIds = payout.candidates.map(({ withdrawalId }) => withdrawalId);
  return { payout: { plan: payout.plan, withdrawalIds }, waiting, ripeInMs };
}

function mostUrgent(candidates: readonly Candidate[]): Priority {
  return PRIORITIES.find((each) => candidates.some(({ priority }) => priority === each)) ?? "normal";
}
