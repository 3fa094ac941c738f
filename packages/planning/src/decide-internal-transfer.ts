// Whether the wallet's coins want tidying, when nobody is to be paid: small ones made one while that is cheap, or a large
// one made several so that payouts that are planned side by side each find a coin. Pure.
import { type Coin, payoutVbytes } from "@sluice/chains";

export type InternalTransferPolicy = {
  /** Coins below this are small: to be made one when that is cheap, and of no use for a payout of their own. */
  readonly smallCoinSat: bigint;
  /** So many small coins are made one, at most; while there are fewer, and below 2, nothing is. */
  readonly consolidateCoins: number;
  /** Only while the rate is at most this part of the long-term rate. */
  readonly consolidateBelowPercent: number;
  /** So many coins that are not small are to be free at all times; 0 turns fan-out off. */
  readonly keepFreeCoins: number;
  /** The limits of the semi-offline zone on what pays nobody. */
  readonly maxFeeSat: bigint;
  readonly maxFeeRateSatPerKvbyte: bigint;
  readonly maxOutputs: number;
};

export type InternalTransferRequest = {
  /** Free, in blocks, reserved by nobody. */
  readonly coins: readonly Coin[];
  /** What a patient transaction pays now. */
  readonly feeRateSatPerKvbyte: bigint;
  /** What it usually paid in the last weeks; null while there is no history. */
  readonly longTermSatPerKvbyte: bigint | null;
  /** Own transactions that are under way: what they bring is waited for before more is decided. */
  readonly underWay: number;
  /** What is to be paid soon: payouts go first, so as much as this is left to them. */
  readonly waitingSat: bigint;
  readonly policy: InternalTransferPolicy;
};

export type InternalTransfer = {
  readonly kind: "consolidation" | "fan-out";
  /** All of them are spent. */
  readonly inputs: readonly Coin[];
  /** So many change outputs of the same size. */
  readonly outputs: number;
};

/** Of one P2WSH output script: version, length, hash. */
const OWN_SCRIPT = new Uint8Array(34);

/** One at a time. Fan-out goes first, since payouts wait without it; consolidation only saves. */
export function decideInternalTransfer(request: InternalTransferRequest): InternalTransfer | null {
  if (request.underWay > 0 || request.feeRateSatPerKvbyte > request.policy.maxFeeRateSatPerKvbyte) return null;
  const decided = fanOut(request) ?? consolidation(request);
  if (decided === null || request.waitingSat === 0n) return decided;
  const leftSat = sumOf(request.coins) - sumOf(decided.inputs);
  return leftSat > request.waitingSat ? decided : null;
}

function sumOf(coins: readonly Coin[]): bigint {
  return coins.reduce((sum, { amountSat }) => sum + amountSat, 0n);
}

/** Splits the largest coin, into as many as are missing, none of them small. */
function fanOut({ coins, feeRateSatPerKvbyte, policy }: InternalTransferRequest): InternalTransfer | null {
  const useful = coins.filter(({ amountSat }) => amountSat >= policy.smallCoinSat);
  const [largest] = useful.toSorted((left, right) => Number(right.amountSat - left.amountSat));
  const missing = policy.keepFreeCoins - useful.length;
  if (largest === undefined || missing <= 0) return null;
  // The one that is split is one of those that are there.
  for (let outputs = Math.min(missing + 1, policy.maxOutputs); outputs >= 2; outputs -= 1) {
    const feeSat = feeSatOf(1, outputs, feeRateSatPerKvbyte);
    const eachSat = (largest.amountSat - feeSat) / BigInt(outputs);
    if (feeSat <= policy.maxFeeSat && eachSat >= policy.smallCoinSat)
      return { kind: "fan-out", inputs: [largest], outputs };
  }
  return null;
}

/** The smallest first, each worth more than it costs to spend now, as many as the zone's limit of the fee permits. */
function consolidation(request: InternalTransferRequest): InternalTransfer | null {
  const { coins, feeRateSatPerKvbyte, longTermSatPerKvbyte, policy } = request;
  if (longTermSatPerKvbyte === null || policy.consolidateCoins < 2) return null;
  if (feeRateSatPerKvbyte * 100n > longTermSatPerKvbyte * BigInt(policy.consolidateBelowPercent)) return null;
  const costSat = feeSatOf(2, 1, feeRateSatPerKvbyte) - feeSatOf(1, 1, feeRateSatPerKvbyte);
  const small = coins
    .filter(({ amountSat }) => amountSat < policy.smallCoinSat && amountSat > costSat)
    .toSorted((left, right) => Number(left.amountSat - right.amountSat));
  if (small.length < policy.consolidateCoins) return null;
  for (let count = policy.consolidateCoins; count >= 2; count -= 1) {
    const inputs = small.slice(0, count);
    const sumSat = sumOf(inputs);
    const feeSat = feeSatOf(count, 1, feeRateSatPerKvbyte);
    // What costs half of itself to be tidied is better left alone.
    if (feeSat <= policy.maxFeeSat && feeSat * 2n <= sumSat) return { kind: "consolidation", inputs, outputs: 1 };
  }
  return null;
}

function feeSatOf(inputs: number, outputs: number, feeRateSatPerKvbyte: bigint): bigint {
  const vbytes = payoutVbytes(
    inputs,
    Array.from({ length: outputs }, () => OWN_SCRIPT),
  );
  return (BigInt(vbytes) * feeRateSatPerKvbyte + 999n) / 1_000n;
}
