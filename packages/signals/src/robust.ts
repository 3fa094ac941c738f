// Robust statistics: what one wild value, or an enemy's handful of them, does not move.

/** The middle one, or the mean of the two in the middle. @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new RangeError("nothing has no median");
  return (low + high) / 2;
}

/**
 * How far a value lies above what is usual, in robust standard deviations: 0.6745 (x − median) / MAD, the modified z-score
 * (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993; they flag what is above 3.5).
 * @param leastSpread stands for the MAD where the past hardly varies, so that always the same is not a trap for a bit more.
 */
export function deviationsAbove(past: readonly number[], value: number, leastSpread: number): number {
  const middle = median(past);
  const spread = median(past.map((each) => Math.abs(each - middle)));
  return (0.6745 * (value - middle)) / Math.max(spread, leastSpread);
}
