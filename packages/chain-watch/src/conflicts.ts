// Which other transaction stands in the way of one of ours, and when that is news.

export type Conflict = {
  readonly outpoint: string;
  /** The transaction that spends it instead. */
  readonly otherTxid: string;
  /** The other one was released by vault for one of the same withdrawals. */
  readonly own: boolean;
  /** Null while it is in no block. */
  readonly blockHash: string | null;
  readonly height: number;
  readonly confirmations: number;
};

/** Of several the one in a block counts, the deepest of those, and a stranger's before one of our own. */
export function gravestConflict(conflicts: readonly Conflict[]): Conflict | null {
  const [gravest] = conflicts.toSorted(
    (a, b) => b.confirmations - a.confirmations || Number(a.own) - Number(b.own) || (a.outpoint < b.outpoint ? -1 : 1),
  );
  return gravest ?? null;
}

/**
 * What is to be said now, after what was said last; null when nothing is new. Depth counts up to where it is final. A
 * conflict whose block left the best chain is said once more, in no block; one that is gone altogether needs no word.
 */
export function conflictNews(now: Conflict | null, said: Conflict | null, required: number): Conflict | null {
  if (now === null) {
    if (said === null || said.blockHash === null) return null;
    return { ...said, blockHash: null, height: 0, confirmations: 0 };
  }
  const counted = { ...now, confirmations: Math.min(now.confirmations, required) };
  if (said === null) return counted;
  const same =
    counted.otherTxid === said.otherTxid &&
    counted.own === said.own &&
    counted.blockHash === said.blockHash &&
    counted.confirmations === said.confirmations;
  return same ? null : counted;
}
