// Whether the chain proves that a withdrawal can never be paid any more, and if not, which part of the proof is missing.
import { type Refusal, refusal } from "./refusals.ts";
import { ok, type Result, refused } from "./result.ts";
import type { ConflictProof } from "./withdrawal-events.ts";

/** One input of a transaction of ours that another transaction spends, by the word of a quorum of nodes. */
export type SpentInput = {
  /** Ours, which spends it too. */
  readonly ofTransactionId: string;
  readonly outpoint: string;
  readonly transactionId: string;
  /** The other one was released for one of the same withdrawals. */
  readonly own: boolean;
  /** Empty while it is in no block. */
  readonly blockHash: string;
  readonly confirmations: number;
  readonly requiredConfirmations: number;
};

/** What is known of a withdrawal's transactions and of what stands in their way. */
export type ConflictFacts = {
  /** What every transaction ever signed for it spends, by the semi-offline zone's word; null while none was ordered. */
  readonly anchor: string | null;
  /** All that were signed for it. */
  readonly ownTransactionIds: readonly string[];
  readonly spent: readonly SpentInput[];
};

export type ProofRefusal = Refusal<
  | "ANCHOR_UNKNOWN"
  | "CONFLICT_UNKNOWN"
  | "CONFLICT_IS_OURS"
  | "CONFLICT_NOT_AT_ANCHOR"
  | "CONFLICT_IN_NO_BLOCK"
  | "PROOF_TOO_SHALLOW"
>;

/**
 * Asked in this order, and the first part that is missing is named. Complete: a transaction that is not ours has spent the
 * anchor, or what the transaction spends that makes the anchor, and lies as deep as is final. Either way nothing that
 * spends the anchor can ever be in the same chain.
 */
export function proveConflict(facts: ConflictFacts, conflictingTxid: string): Result<ConflictProof, ProofRefusal> {
  const { anchor, ownTransactionIds } = facts;
  if (anchor === null) return refused(refusal("ANCHOR_UNKNOWN"));
  const told = facts.spent.filter(({ transactionId }) => transactionId === conflictingTxid);
  if (told.length === 0) return refused(refusal("CONFLICT_UNKNOWN"));
  if (ownTransactionIds.includes(conflictingTxid) || told.some(({ own }) => own)) {
    return refused(refusal("CONFLICT_IS_OURS"));
  }
  const [maker = ""] = anchor.split(":");
  const [deadly] = told
    .filter(({ outpoint, ofTransactionId }) => outpoint === anchor || ofTransactionId === maker)
    .toSorted((left, right) => right.confirmations - left.confirmations);
  if (deadly === undefined) return refused(refusal("CONFLICT_NOT_AT_ANCHOR"));
  if (deadly.blockHash === "") return refused(refusal("CONFLICT_IN_NO_BLOCK"));
  const { outpoint: spentOutpoint, confirmations, requiredConfirmations } = deadly;
  if (requiredConfirmations < 1 || confirmations < requiredConfirmations) {
    const detail = `${refusal("PROOF_TOO_SHALLOW").detail}: it has ${confirmations} of ${requiredConfirmations} confirmations`;
    return refused(refusal("PROOF_TOO_SHALLOW", detail));
  }
  return ok({ spentOutpoint, conflictingTxid, confirmations, requiredConfirmations });
}

/** The transaction in the way that is nearest to a proof, and what is still missing; null when none is known of. */
export function nearestConflict(
  facts: ConflictFacts,
): { readonly conflictingTxid: string; readonly missing: ProofRefusal | null } | null {
  const tried = [...new Set(facts.spent.map(({ transactionId }) => transactionId))].map((conflictingTxid) => {
    const proof = proveConflict(facts, conflictingTxid);
    return { conflictingTxid, missing: proof.ok ? null : proof.refusal };
  });
  const far = ({ missing }: (typeof tried)[number]) => NEAREST_FIRST.indexOf(missing?.code ?? null);
  return tried.toSorted((left, right) => far(left) - far(right))[0] ?? null;
}

const NEAREST_FIRST: readonly (ProofRefusal["code"] | null)[] = [
  ...([null, "PROOF_TOO_SHALLOW", "CONFLICT_IN_NO_BLOCK", "CONFLICT_NOT_AT_ANCHOR", "CONFLICT_IS_OURS"] as const),
  ...(["CONFLICT_UNKNOWN", "ANCHOR_UNKNOWN"] as const),
];
