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

/** A conflict as it is told: the gravest, and all that others have spent of what ours spends. */
export type ToldConflict = Conflict & { readonly spent: readonly Conflict[] };

/**
 * What is to be said now, after what was said last; null when nothing is new. Depth counts up to where it is final. A
 * conflict whose block left the best chain is said once more, in no block; one that is gone altogether needs no word.
 */
export function conflictNews(
  now: readonly Conflict[],
  said: ToldConflict | null,
  required: number,
): ToldConflict | null {
  const counted = now.map((each) => ({ ...each, confirmations: Math.min(each.confirmations, required) }));
  const gravest = gravestConflict(counted);
  if (gravest === null) {
    if (said === null || said.blockHash === null) return null;
    return { ...said, blockHash: null, height: 0, confirmations: 0, spent: [] };
  }
  const told = { ...gravest, spent: counted.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) };
  return said !== null && wordingOf(told) === wordingOf(said) ? null : told;
}

const keyOf = ({ outpoint, otherTxid }: Conflict): string => `${outpoint} ${otherTxid}`;

/** All that is news when it changes. The height follows from the block. */
function wordingOf({ spent, ...gravest }: ToldConflict): string {
  const words = [gravest, ...spent].map((each) => [keyOf(each), each.own, each.blockHash, each.confirmations]);
  return JSON.stringify(words);
}
