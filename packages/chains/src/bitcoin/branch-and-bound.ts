// The search for coins that are worth a payout nearly exactly, so that no change is needed (M. Erhardt, "An Evaluation of
// Coin Selection Strategies", 2016; Bitcoin Core calls it SelectCoinsBnB).

export type ExactMatchRequest = {
  /** What each coin is worth after its own cost, sorted descending and all above zero. */
  readonly values: readonly bigint[];
  /** A match is worth at least this, */
  readonly least: bigint;
  /** and at most this. */
  readonly most: bigint;
  /** What each coin adds to the waste; below zero when coins are better spent now than later. */
  readonly wasteOfCoin: bigint;
  readonly coinsAtMost: number;
  /** How many steps may be taken; what was found until then counts. */
  readonly triesAtMost: number;
};

/**
 * The places of the coins whose waste, their own and what they are worth above `least`, is smallest; null when there
 * are none. Goes depth first, the largest coin first, and leaves out branches that cannot hold a better match. A set
 * is not extended beyond `least`: what came on top would go to the fee. Equal requests have equal answers.
 */
export function findExactMatch(request: ExactMatchRequest): readonly number[] | null {
  const { values, least, most, wasteOfCoin, coinsAtMost, triesAtMost } = request;
  const worthFrom = suffixSums(values);
  const chosen: number[] = [];
  let best: { readonly places: readonly number[]; readonly waste: bigint } | null = null;
  let worth = 0n;
  let next = 0;
  for (let tries = 0; tries < triesAtMost; tries += 1) {
    const reached = worth >= least;
    if (reached && worth <= most && chosen.length > 0) {
      const waste = BigInt(chosen.length) * wasteOfCoin + worth - least;
      if (best === null || waste < best.waste) best = { places: [...chosen], waste };
    }
    const room = Math.min(coinsAtMost - chosen.length, values.length - next);
    const hopeless =
      reached ||
      room <= 0 ||
      worth + (worthFrom[next] ?? 0n) < least ||
      (best !== null && leastWaste(chosen.length, room, wasteOfCoin) >= best.waste);
    if (!hopeless) {
      chosen.push(next);
      worth += values[next] ?? 0n;
      next += 1;
      continue;
    }
    const dropped = chosen.pop();
    if (dropped === undefined) break;
    const value = values[dropped] ?? 0n;
    worth -= value;
    next = dropped + 1;
    // Another coin of the same worth in the place of the dropped one would only repeat what was searched.
    while (values[next] === value) next += 1;
  }
  return best?.places ?? null;
}

/** The waste that nothing below this branch can undercut: at least one more coin comes, and at most as many as fit. */
function leastWaste(chosen: number, room: number, wasteOfCoin: bigint): bigint {
  return BigInt(chosen + (wasteOfCoin > 0n ? 1 : room)) * wasteOfCoin;
}

/** At each place what the coins from there on are worth together. */
function suffixSums(values: readonly bigint[]): readonly bigint[] {
  const sums = new Array<bigint>(values.length + 1).fill(0n);
  for (let at = values.length - 1; at >= 0; at -= 1) sums[at] = (sums[at + 1] ?? 0n) + (values[at] ?? 0n);
  return sums;
}
