// Step 3: with which coins a group of withdrawals is paid by one transaction. What is in a block is spent first. Pure.
import { type Coin, outpointOf, type PlannedPayout, type PlanRefusal, planPayout, type Wallet } from "@sluice/chains";
import { longestChained, nodesKeep, type UnconfirmedTransaction } from "./mempool-limits.ts";

/** Builds the bytes of one transaction. The simulation has one of its own, because real bytes take it too long. */
export type BuildPayout = typeof planPayout;

export type PaymentCode = PlanRefusal["code"] | "MESSAGE_TOO_LARGE" | "CHANGE_UNCONFIRMED";

export type Planned =
  | { readonly ok: true; readonly plan: PlannedPayout }
  | { readonly ok: false; readonly code: PaymentCode };

export type Payable = {
  readonly withdrawalId: string;
  readonly address: string;
  readonly amountSat: bigint;
  readonly clearanceBytes: number;
  /** It was refused in company, and nobody said because of whom. */
  readonly alone: boolean;
};

export type PaymentRequest = {
  readonly wallet: Wallet;
  /** `confirmed: false` marks change of our own that is in no block yet. */
  readonly coins: readonly Coin[];
  /** Which only transactions spend that can confirm no more. The zone gives them out beside an anchor of one's own. */
  readonly lostCoins?: readonly Coin[];
  /** Whether change of our own may be spent before it is in a block. */
  readonly spendUnconfirmed: boolean;
  readonly unconfirmed: readonly UnconfirmedTransaction[];
  readonly changeIndex: number;
  /** Satoshis for 1000 vbytes; null while there is no history. */
  readonly longTermFeeRate: bigint | null;
  /** Of PSBT and clearances together, since both cross the bridge in one message. */
  readonly maxRequestBytes: number;
};

/**
 * Unconfirmed change is taken only when what is confirmed does not suffice, and only as far as nodes keep the chain. When
 * it would suffice but may not be spent, the payments wait for a block, and not for new funds. Before they wait for those, one
 * coin that only lost transactions spend helps out, never as the first input, which becomes the anchor.
 */
export function planPayments(
  request: PaymentRequest,
  payments: readonly Payable[],
  required: readonly string[],
  feeRateSatPerKvbyte: bigint,
  build: BuildPayout = planPayout,
): Planned {
  const { coins, lostCoins = [] } = request;
  const planned = planWithout(request, payments, required, feeRateSatPerKvbyte, build);
  if (planned.ok || planned.code !== "INSUFFICIENT_FUNDS") return planned;
  const [largest] = coins
    .filter(({ confirmed = true }) => confirmed)
    .toSorted((left, right) => Number(right.amountSat - left.amountSat));
  const anchor = required.length > 0 || largest === undefined ? required : [outpointOf(largest)];
  if (anchor.length === 0) return planned;
  // One at most, the smallest that will do: of two, each might be refused by another holder, and two that refuse are the end.
  for (const lost of lostCoins) {
    const beside = planWithout({ ...request, coins: [...coins, lost] }, payments, anchor, feeRateSatPerKvbyte, build);
    if (beside.ok) return beside;
  }
  return planned;
}

function planWithout(
  request: PaymentRequest,
  payments: readonly Payable[],
  required: readonly string[],
  feeRateSatPerKvbyte: bigint,
  build: BuildPayout,
): Planned {
  const { coins, spendUnconfirmed, unconfirmed } = request;
  const settled = coins.filter((coin) => coin.confirmed !== false || required.includes(outpointOf(coin)));
  const first = planKept(settled);
  const more = settled.length < coins.length;
  if (first.ok || first.code !== "INSUFFICIENT_FUNDS" || !more) return first;
  const second = spendUnconfirmed ? planKept(coins) : first;
  if (second.ok || second.code !== "INSUFFICIENT_FUNDS") return second;
  return planFrom(coins).ok ? { ok: false, code: "CHANGE_UNCONFIRMED" } : second;

  /** Does without one coin after the other until nodes would keep the transaction. */
  function planKept(from: readonly Coin[]): Planned {
    const planned = planFrom(from);
    if (!planned.ok || nodesKeep(unconfirmed, planned.plan.inputs, planned.plan.vbytes)) return planned;
    const optional = planned.plan.inputs.filter((coin) => !required.includes(outpointOf(coin)));
    const dropped = longestChained(unconfirmed, optional);
    if (dropped === undefined) return { ok: false, code: "CHANGE_UNCONFIRMED" };
    return planKept(from.filter((coin) => outpointOf(coin) !== outpointOf(dropped)));
  }

  function planFrom(from: readonly Coin[]): Planned {
    const { wallet, changeIndex, longTermFeeRate } = request;
    const clearanceBytes = payments.reduce((sum, payment) => sum + payment.clearanceBytes, 0);
    const wantedPsbtBytes = request.maxRequestBytes - clearanceBytes;
    const planned = build({
      ...{ wallet: wallet.descriptor, coins: from, requiredOutpoints: required, payments, changeIndex },
      feeRateSatPerVbyte: Number(feeRateSatPerKvbyte) / 1000,
      ...(longTermFeeRate === null ? {} : { longTermFeeRateSatPerVbyte: Number(longTermFeeRate) / 1000 }),
      wantedPsbtBytes,
      // What was refused may have been so for its fee, and is not made dearer for the sake of later payouts.
      plain: payments.some(({ alone }) => alone),
    });
    if (!planned.ok) return { ok: false, code: planned.refusal.code };
    const fits = planned.value.psbt.length <= wantedPsbtBytes;
    return fits ? { ok: true, plan: planned.value } : { ok: false, code: "MESSAGE_TOO_LARGE" };
  }
}
