// What a withdrawal is, what can be asked of it, and what can become known about it.
import type { WithdrawalId } from "./ids.ts";
import type { Finding } from "./policy.ts";
import type { Refusal } from "./refusals.ts";
import type { WithdrawalState } from "./withdrawal-transitions.ts";

/** All that deciding needs to remember. The history of (state, time, detail) is kept by the services. */
export type Withdrawal = {
  readonly id: WithdrawalId;
  readonly state: WithdrawalState;
  /** While held or delayed: not cleared before this, epoch ms. */
  readonly notBeforeMs: number | null;
  readonly approvalsRequired: number;
  /** Who approved, each once, sorted. */
  readonly approvedBy: readonly string[];
  /** The newest attempt to get it signed that moved it; 0 before the first. Says nothing once it is signed. */
  readonly attempt: number;
  /** The newest observation of the gateway that counted; 0 for none. */
  readonly chainRevision: number;
};

/**
 * Why a withdrawal can never be paid any more: a transaction that does not pay it has spent an outpoint which every
 * transaction ever signed for it spends too (the anchor), or one that the maker of the anchor spends, and lies `confirmations` deep.
 */
export type ConflictProof = {
  readonly spentOutpoint: string;
  readonly conflictingTxid: string;
  readonly confirmations: number;
  readonly requiredConfirmations: number;
};

export type WithdrawalFact =
  /** `attempt` counts from 1; every fact of one try to get the withdrawal signed carries the same number. */
  | { readonly type: "planned" | "signing"; readonly atMs: number; readonly attempt: number }
  | { readonly type: "signing_delayed"; readonly atMs: number; readonly attempt: number; readonly untilMs: number }
  /** A companion of the batch was refused: this withdrawal waits to be planned again, as attempt `attempt`. */
  | { readonly type: "replanned"; readonly atMs: number; readonly attempt: number }
  /** semi-offline-risk refused this withdrawal itself, not only its batch. That holds for every attempt. */
  | { readonly type: "refused"; readonly atMs: number; readonly attempt: number }
  /** It refused a further transaction for this withdrawal; the one that it ordered before may be signed all the same. */
  | { readonly type: "replacement_refused"; readonly atMs: number; readonly attempt: number }
  | { readonly type: "signed"; readonly atMs: number; readonly attempt: number }
  | { readonly type: "broadcast"; readonly atMs: number }
  /** `revision` is the gateway's own observation number, strictly rising over all that it ever observed. */
  | { readonly type: "included" | "reorged" | "completed"; readonly atMs: number; readonly revision: number };

export type WithdrawalEvent =
  | { readonly type: "received"; readonly atMs: number; readonly id: WithdrawalId }
  | {
      readonly type: "held";
      readonly atMs: number;
      readonly approvals: number;
      readonly notBeforeMs: number | null;
      readonly findings: readonly Finding[];
    }
  | { readonly type: "delayed"; readonly atMs: number; readonly untilMs: number; readonly findings: readonly Finding[] }
  | { readonly type: "approved"; readonly atMs: number; readonly by: string }
  | { readonly type: "rejected"; readonly atMs: number; readonly by: string; readonly findings: readonly Finding[] }
  | { readonly type: "cleared"; readonly atMs: number; readonly findings: readonly Finding[] }
  | { readonly type: "cancelled"; readonly atMs: number; readonly by: string }
  | { readonly type: "failed"; readonly atMs: number; readonly by: string; readonly proof: ConflictProof }
  | WithdrawalFact;

/** A command carries the present time `nowMs`, epoch ms. `by` names who gave it. */
export type WithdrawalCommand =
  | { readonly type: "receive"; readonly nowMs: number; readonly id: WithdrawalId }
  | { readonly type: "judge"; readonly nowMs: number; readonly findings: readonly Finding[] }
  | { readonly type: "approve"; readonly nowMs: number; readonly by: string }
  | { readonly type: "deny"; readonly nowMs: number; readonly by: string }
  | { readonly type: "release-delay"; readonly nowMs: number }
  | { readonly type: "cancel"; readonly nowMs: number; readonly by: string }
  | { readonly type: "fail"; readonly nowMs: number; readonly by: string; readonly proof: ConflictProof }
  | { readonly type: "record"; readonly fact: WithdrawalFact };

/** A refusal names the state that stood in the way; null when the withdrawal is not known at all. */
export type WithdrawalRefusal = Refusal & { readonly state: WithdrawalState | null };
