// Which of the nodes' fee estimates counts for a wanted time.

/** Satoshis for 1000 vbytes, for a block within so many. */
export type FeeForTarget = { readonly targetBlocks: number; readonly satPerKvbyte: bigint };

/** That for the longest time which is not longer than wanted; for the shortest, when all are longer. */
export function estimateFor(estimates: readonly FeeForTarget[], targetBlocks: number): bigint | undefined {
  const byTarget = estimates.toSorted((left, right) => left.targetBlocks - right.targetBlocks);
  const fitting = byTarget.findLast((estimate) => estimate.targetBlocks <= targetBlocks) ?? byTarget[0];
  return fitting?.satPerKvbyte;
}
