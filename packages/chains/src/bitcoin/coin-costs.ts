// What coins and change cost, now and later, and what a set of coins comes to. Amounts are in satoshis.
import { dustSat } from "./script.ts";
import { INPUT_WEIGHT, payoutVbytes } from "./size.ts";

export type Selectable = {
  readonly amountSat: bigint;
  /** False while the transaction that made it is in no block. */
  readonly confirmed?: boolean;
};

export type Selection<C> = {
  readonly coins: readonly C[];
  readonly vbytes: number;
  readonly feeSat: bigint;
  /** Null when there is none: what is left over is part of the fee then. */
  readonly changeSat: bigint | null;
};

/** What is to be paid, and at which rates. */
export type Order = {
  readonly outputScripts: readonly Uint8Array[];
  readonly outputSat: bigint;
  readonly changeScript: Uint8Array;
  /** Satoshis for 1000 vbytes, rounded up. */
  readonly feeRateSatPerKvbyte: bigint;
  /** What a coin that stays is expected to cost some day. */
  readonly longTermFeeRateSatPerKvbyte: bigint;
};

/** How much may be given to the fee rather than made into change. */
export type Change = "whenever it is no dust" | "when it is worth its cost";

/** The fee for a size, rounded up to whole satoshis. */
export function feeSatOf(vbytes: number, feeRateSatPerKvbyte: bigint): bigint {
  return (BigInt(vbytes) * feeRateSatPerKvbyte + 999n) / 1000n;
}

/** What so many coins have to be worth together. */
export function neededSat(count: number, { outputScripts, outputSat, feeRateSatPerKvbyte }: Order): bigint {
  return outputSat + feeSatOf(payoutVbytes(count, outputScripts), feeRateSatPerKvbyte);
}

export function worthSat(coins: readonly Selectable[]): bigint {
  return coins.reduce((sum, { amountSat }) => sum + amountSat, 0n);
}

/** Null when the coins do not cover the outputs and the fee. */
export function settle<C extends Selectable>(coins: readonly C[], order: Order, change: Change): Selection<C> | null {
  const { outputScripts, outputSat, changeScript, feeRateSatPerKvbyte } = order;
  if (coins.length === 0) return null;
  const restSat = worthSat(coins) - outputSat;
  const withChange = payoutVbytes(coins.length, [...outputScripts, changeScript]);
  const feeWithChangeSat = feeSatOf(withChange, feeRateSatPerKvbyte);
  const changeSat = restSat - feeWithChangeSat;
  const withoutChange = payoutVbytes(coins.length, outputScripts);
  const feeSat = feeSatOf(withoutChange, feeRateSatPerKvbyte);
  if (restSat < feeSat) return null;
  const keeps = changeSat >= dustSat(changeScript);
  const gives = change === "when it is worth its cost" && restSat - feeSat <= mostExcessSat(feeSat, order);
  if (keeps && !gives) return { coins, vbytes: withChange, feeSat: feeWithChangeSat, changeSat };
  return { coins, vbytes: withoutChange, feeSat: restSat, changeSat: null };
}

/**
 * What a payout that needs this fee may give on top of it for the sake of later ones: the cost of change, and never so
 * much that the fee doubles, for the semi-offline zone's caps know nothing of later payouts.
 */
export function mostExcessSat(feeSat: bigint, order: Order): bigint {
  const costSat = changeCostSat(order);
  return costSat < feeSat ? costSat : feeSat;
}

/** What change costs: its output now, and some day the input that spends it. */
export function changeCostSat({
  outputScripts,
  changeScript,
  feeRateSatPerKvbyte,
  longTermFeeRateSatPerKvbyte,
}: Order): bigint {
  const vbytes = payoutVbytes(1, [...outputScripts, changeScript]) - payoutVbytes(1, outputScripts);
  return feeSatOf(vbytes, feeRateSatPerKvbyte) + inputCostSat(longTermFeeRateSatPerKvbyte);
}

/** What one more input costs, rounded up. */
export function inputCostSat(feeRateSatPerKvbyte: bigint): bigint {
  return (BigInt(INPUT_WEIGHT) * feeRateSatPerKvbyte + 3_999n) / 4_000n;
}

/**
 * What a selection costs beyond what any would (Bitcoin Core's waste metric): each input now rather than some day, and
 * the change or what is given to the fee in its place. Below zero when inputs are cheap now.
 */
export function wasteSatOf<C>({ coins, vbytes, feeSat, changeSat }: Selection<C>, order: Order): bigint {
  const { feeRateSatPerKvbyte, longTermFeeRateSatPerKvbyte } = order;
  const rateGap = feeRateSatPerKvbyte - longTermFeeRateSatPerKvbyte;
  const inputsSat = (BigInt(coins.length * INPUT_WEIGHT) * rateGap) / 4_000n;
  return inputsSat + (changeSat === null ? feeSat - feeSatOf(vbytes, feeRateSatPerKvbyte) : changeCostSat(order));
}
