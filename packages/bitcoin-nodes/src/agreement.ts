// What a quorum of claims agrees on. Pure: no node is asked in here.

/** The value that at least `quorum` of the claims are, by their text. */
export function agreedOn<T>(claims: readonly T[], quorum: number, textOf: (claim: T) => string): T | undefined {
  const counts = new Map<string, number>();
  for (const claim of claims) {
    const text = textOf(claim);
    const count = (counts.get(text) ?? 0) + 1;
    if (count >= quorum) return claim;
    counts.set(text, count);
  }
  return undefined;
}

/** The greatest height that at least `quorum` of the nodes claim to have reached; -1 when too few claim anything. */
export function reachedBy(heights: readonly number[], quorum: number): number {
  return heights.toSorted((left, right) => right - left)[quorum - 1] ?? -1;
}

/**
 * The greatest height up to `from` at which the nodes agree, or -1. Chains that have parted never meet again above, so
 * agreement at a height is agreement below it: first ever longer steps down, then halving between the last two.
 */
export async function highestAgreed(from: number, agrees: (height: number) => Promise<boolean>): Promise<number> {
  let parted = from + 1;
  let agreed = from;
  for (let step = 1; agreed >= 0 && !(await agrees(agreed)); step *= 2) {
    parted = agreed;
    agreed = agreed === 0 ? -1 : Math.max(0, agreed - step);
  }
  while (parted - agreed > 1) {
    const middle = Math.floor((agreed + parted) / 2);
    if (await agrees(middle)) agreed = middle;
    else parted = middle;
  }
  return agreed;
}

/**
 * The middle of the values; the lower of the two middle ones. Of three nodes a lying one can therefore name nothing beyond
 * what an honest one named; of two it can only name less, and what pays too little waits and is bumped, while what pays too
 * much is gone.
 */
export function lowerMedian(values: readonly bigint[]): bigint | undefined {
  const sorted = values.toSorted((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
