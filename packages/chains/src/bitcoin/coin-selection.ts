// Which coins pay for a set of outputs: the required ones, then the largest first, until outputs and fee are covered.
import { dustSat } from "./script.ts";
import { payoutVbytes } from "./size.ts";

export type Selectable = { readonly amountSat: bigint };

export type Selection<C> = {
  readonly coins: readonly C[];
  readonly vbytes: number;
  readonly feeSat: bigint;
  /** Null when what is left over would be dust or cost more than it is worth: it is part of the fee then. */
  readonly changeSat: bigint | null;
};

export type SelectionRequest<C> = {
  readonly required: readonly C[];
  readonly others: readonly C[];
  readonly outputScripts: readonly Uint8Array[];
  readonly outputSat: bigint;
  readonly changeScript: Uint8Array;
  /** Satoshis for 1000 vbytes, rounded up. */
  readonly feeRateSatPerKvbyte: bigint;
};

/** The fee for a size, rounded up to whole satoshis. */
export function feeSatOf(vbytes: number, feeRateSatPerKvbyte: bigint): bigint {
  return (BigInt(vbytes) * feeRateSatPerKvbyte + 999n) / 1000n;
}

/** Null when all the coins together do not cover the outputs and the fee. */
export function selectCoins<C extends Selectable>(request: SelectionRequest<C>): Selection<C> | null {
  // Equal amounts keep the order in which they came, so that one request has one selection.
  const largestFirst = request.others.toSorted((left, right) => Number(right.amountSat - left.amountSat));
  const coins = [...request.required];
  for (;;) {
    const selection = coins.length === 0 ? null : settle(coins, request);
    if (selection !== null) return selection;
    const next = largestFirst.shift();
    if (next === undefined) return null;
    // A coin that costs more to spend than it brings does not help, and all that follow are smaller still.
    if (next.amountSat <= inputCostSat(coins.length, request)) return null;
    coins.push(next);
  }
}

function settle<C extends Selectable>(coins: readonly C[], request: SelectionRequest<C>): Selection<C> | null {
  const { outputScripts, outputSat, changeScript, feeRateSatPerKvbyte } = request;
  const inputSat = coins.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  const withChange = payoutVbytes(coins.length, [...outputScripts, changeScript]);
  const feeWithChangeSat = feeSatOf(withChange, feeRateSatPerKvbyte);
  const changeSat = inputSat - outputSat - feeWithChangeSat;
  if (changeSat >= dustSat(changeScript)) return { coins, vbytes: withChange, feeSat: feeWithChangeSat, changeSat };
  const withoutChange = payoutVbytes(coins.length, outputScripts);
  const restSat = inputSat - outputSat;
  if (restSat < feeSatOf(withoutChange, feeRateSatPerKvbyte)) return null;
  return { coins, vbytes: withoutChange, feeSat: restSat, changeSat: null };
}

function inputCostSat<C>(count: number, { outputScripts, feeRateSatPerKvbyte }: SelectionRequest<C>): bigint {
  const more = payoutVbytes(count + 1, outputScripts);
  return feeSatOf(more, feeRateSatPerKvbyte) - feeSatOf(payoutVbytes(count, outputScripts), feeRateSatPerKvbyte);
}
