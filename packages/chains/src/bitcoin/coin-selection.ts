// Which coins pay for a set of outputs: the required ones, then the best of several choices of others.
import { findExactMatch } from "./branch-and-bound.ts";
import {
  type Change,
  changeCostSat,
  feeSatOf,
  inputCostSat,
  mostExcessSat,
  neededSat,
  type Order,
  type Selectable,
  type Selection,
  settle,
  wasteSatOf,
  worthSat,
} from "./coin-costs.ts";

export type SelectionRequest<C> = Omit<Order, "longTermFeeRateSatPerKvbyte"> & {
  readonly required: readonly C[];
  /** Those of equal amounts are chosen in this order. */
  readonly others: readonly C[];
  /** 10 satoshis for a vbyte unless given. */
  readonly longTermFeeRateSatPerKvbyte?: bigint;
  /** Largest first and nothing else: no satoshi is spent that only a later payout would have the good of. */
  readonly plain?: boolean;
  /** So many coins stay for the payouts after this one, unless it cannot do without them; 20 unless given. */
  readonly keepCoins?: number;
  /** How much a coin adds to what is carried about with the payout. */
  readonly bytesOf?: (coin: C) => number;
};

export const LONG_TERM_FEE_RATE_SAT_PER_VBYTE = 10;
const KEEP_COINS = 20;
/** Some milliseconds. More tries find a match where fewer do not about as often as the next payout finds one. */
const TRIES = 20_000;

/** The best selection; null when all the coins together do not cover the outputs and the fee. */
export function selectCoins<C extends Selectable>(request: SelectionRequest<C>): Selection<C> | null {
  return rankSelections(request)[0] ?? null;
}

/**
 * All selections that count, the best first: the least waste, then the least fee. One counts when it takes at most the
 * cost of change more than largest first does, and at most twice as much. Coins that cost more than they bring are not
 * touched, unconfirmed ones not before the confirmed ones fall short. Nothing is left to chance. The last one, whatever
 * it costs, is for when those before it are too large to be carried.
 */
export function rankSelections<C extends Selectable>(request: SelectionRequest<C>): readonly Selection<C>[] {
  const { required } = request;
  const order = orderOf(request);
  // What a withdrawal has to spend pays for it alone if it can: nothing else is tied to its fate then.
  const alone = settle(required, order, changeOf(request));
  if (alone !== null) return [alone];
  const useful = request.others
    .filter(({ amountSat }) => amountSat > inputCostSat(order.feeRateSatPerKvbyte))
    .toSorted((left, right) => Number(right.amountSat - left.amountSat));
  const confirmed = useful.filter((coin) => isConfirmed(coin));
  return rankFrom(request, order, confirmed) ?? rankFrom(request, order, useful) ?? [];
}

/** Null when these coins do not suffice, whichever are chosen. */
function rankFrom<C extends Selectable>(
  request: SelectionRequest<C>,
  order: Order,
  coins: readonly C[],
): readonly Selection<C>[] | null {
  const { required, plain = false, keepCoins = KEEP_COINS, bytesOf } = request;
  const largestFirst = takeUntilEnough(required, coins, order);
  const base = largestFirst && settle([...required, ...largestFirst], order, "whenever it is no dust");
  if (largestFirst === null || base === null) return null;
  const settled = (chosen: readonly C[] | null): readonly Selection<C>[] => {
    const taken = new Set(chosen);
    const inputs = [...required, ...anchorFirst(coins.filter((coin) => taken.has(coin)))];
    const selection = chosen && settle(inputs, order, changeOf(request));
    return selection === null ? [] : [selection];
  };
  const light = bytesOf === undefined ? null : takeUntilEnough(required, byDensity(coins, bytesOf), order);
  if (plain) return [largestFirst, light].flatMap(settled);
  const mostSat = base.feeSat + mostExcessSat(base.feeSat, order);
  const affordable = Number(mostExcessSat(base.feeSat, order) / inputCostSat(order.feeRateSatPerKvbyte));
  // Without change there is room for one more. While inputs are cheap all payouts want more of them, and some have to stay for those that come at the same
  // time. Coins that only come along are not taken: it was measured to save nothing over a year, and the payees' batch would be larger for it.
  const spare = Math.max(0, Math.min(affordable, coins.length - largestFirst.length - keepCoins));
  const cheap = order.feeRateSatPerKvbyte < order.longTermFeeRateSatPerKvbyte;
  // Of equals the first is taken.
  const candidates = [
    fewestAndSmallest(required, largestFirst, coins, order),
    smallestAlone(required, coins, order),
    largestFirst,
    exactMatch(required, coins, order, largestFirst.length + (cheap ? spare : affordable + 1)),
  ];
  const counting = candidates.flatMap(settled).filter(({ feeSat }) => feeSat <= mostSat);
  const wasteSat = new Map(counting.map((selection) => [selection, wasteSatOf(selection, order)]));
  const better = (left: Selection<C>, right: Selection<C>): number =>
    Number((wasteSat.get(left) ?? 0n) - (wasteSat.get(right) ?? 0n)) || Number(left.feeSat - right.feeSat);
  return [...counting.toSorted(better), ...settled(light)];
}

/** What brings most for its bytes first: for when the others together are too large to be carried. */
function byDensity<C extends Selectable>(coins: readonly C[], bytesOf: (coin: C) => number): readonly C[] {
  const density = new Map(coins.map((coin) => [coin, Number(coin.amountSat) / Math.max(1, bytesOf(coin))]));
  return coins.toSorted((left, right) => (density.get(right) ?? 0) - (density.get(left) ?? 0));
}

/** The first coins, in the order given, that suffice together with the required ones. */
function takeUntilEnough<C extends Selectable>(
  required: readonly C[],
  coins: readonly C[],
  order: Order,
): readonly C[] | null {
  let sumSat = worthSat(required);
  for (const [at, { amountSat }] of coins.entries()) {
    sumSat += amountSat;
    if (sumSat >= neededSat(required.length + at + 1, order)) return coins.slice(0, at + 1);
  }
  return null;
}

function smallestAlone<C extends Selectable>(
  required: readonly C[],
  coins: readonly C[],
  order: Order,
): readonly C[] | null {
  const missingSat = neededSat(required.length + 1, order) - worthSat(required);
  const smallest = coins.findLast(({ amountSat }) => amountSat >= missingSat);
  return smallest === undefined ? null : [smallest];
}

/** As many as largest first takes, each as small as the others leave it: the large ones stay for dear times. */
function fewestAndSmallest<C extends Selectable>(
  required: readonly C[],
  largestFirst: readonly C[],
  coins: readonly C[],
  order: Order,
): readonly C[] {
  const taken = new Set(largestFirst);
  let spareSat = worthSat(required) + worthSat(largestFirst) - neededSat(required.length + largestFirst.length, order);
  return largestFirst.map((coin) => {
    const smaller = coins.findLast((other) => !taken.has(other) && coin.amountSat - other.amountSat <= spareSat);
    if (smaller === undefined || smaller.amountSat >= coin.amountSat) return coin;
    spareSat -= coin.amountSat - smaller.amountSat;
    taken.add(smaller);
    return smaller;
  });
}

/** Coins that leave no change. */
function exactMatch<C extends Selectable>(
  required: readonly C[],
  coins: readonly C[],
  order: Order,
  coinsAtMost: number,
): readonly C[] | null {
  const { feeRateSatPerKvbyte, longTermFeeRateSatPerKvbyte } = order;
  const costSat = inputCostSat(feeRateSatPerKvbyte);
  // Half a vbyte of an input may round up to a whole one.
  const roundingSat = feeSatOf(1, feeRateSatPerKvbyte);
  const least = neededSat(required.length, order) + roundingSat - worthSat(required);
  const places = findExactMatch({
    values: coins.map(({ amountSat }) => amountSat - costSat),
    least,
    most: least + changeCostSat(order),
    wasteOfCoin: costSat - inputCostSat(longTermFeeRateSatPerKvbyte),
    coinsAtMost,
    triesAtMost: TRIES,
  });
  return places?.flatMap((place) => coins[place] ?? []) ?? null;
}

/** The first input becomes the anchor of the withdrawals: one that cannot vanish, if there is any. */
function anchorFirst<C extends Selectable>(coins: readonly C[]): readonly C[] {
  return [...coins.filter(isConfirmed), ...coins.filter((coin) => !isConfirmed(coin))];
}

function isConfirmed({ confirmed = true }: Selectable): boolean {
  return confirmed;
}

function changeOf<C>({ plain = false }: SelectionRequest<C>): Change {
  return plain ? "whenever it is no dust" : "when it is worth its cost";
}

function orderOf<C>(request: SelectionRequest<C>): Order {
  const { longTermFeeRateSatPerKvbyte = BigInt(1000 * LONG_TERM_FEE_RATE_SAT_PER_VBYTE) } = request;
  return { ...request, longTermFeeRateSatPerKvbyte };
}
