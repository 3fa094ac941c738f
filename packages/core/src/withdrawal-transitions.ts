// The withdrawal's states and the one table of what moves them. How the table is applied is in withdrawal.ts.

export const WITHDRAWAL_STATES = [
  "received",
  "held",
  "delayed",
  "rejected",
  "cleared",
  "planned",
  "signing",
  "signing_delayed",
  "refused",
  "signed",
  "broadcast",
  "confirming",
  "completed",
  "cancelled",
  "failed",
] as const;

export type WithdrawalState = (typeof WITHDRAWAL_STATES)[number];

/** States that nothing leaves, but for `completed`: a newer reorganisation takes it back, since the chain itself did. */
export const FINAL_STATES = ["rejected", "refused", "completed", "cancelled", "failed"] as const;

export type FinalState = (typeof FINAL_STATES)[number];

export function isFinal(state: WithdrawalState): state is FinalState {
  return (FINAL_STATES as readonly WithdrawalState[]).includes(state);
}

/** Cleared, and no signed transaction known. Ordered within one attempt as listed; a newer attempt begins at the left. */
export const UNSIGNED_STATES = ["cleared", "planned", "signing", "signing_delayed"] as const;

/** Before the clearance: what online-risk alone decides, and what can still be cancelled. */
export const UNDECIDED_STATES = ["received", "held", "delayed"] as const;

export type WithdrawalEventType =
  | "received"
  | "held"
  | "delayed"
  | "approved"
  | "rejected"
  | "cancelled"
  | "cleared"
  | "failed"
  | WithdrawalFactType;

/** What other services report, over different topics, in any order and more than once. */
export type WithdrawalFactType =
  | "planned"
  | "signing"
  | "signing_delayed"
  | "replanned"
  | "refused"
  | "replacement_refused"
  | "signed"
  | "broadcast"
  | "included"
  | "reorged"
  | "completed";

export type Transition = {
  /** The states that it moves. */
  readonly from: readonly WithdrawalState[];
  readonly to: WithdrawalState;
  /** The states in which it says nothing new. In every other state it is refused. */
  readonly known: readonly WithdrawalState[];
  /**
   * What makes a fact newer than what is known. "attempt": the pair of attempt and place in UNSIGNED_STATES.
   * "revision": the gateway's observation number. Facts that are not newer change nothing.
   */
  readonly newerBy: "attempt" | "revision" | null;
};

const UNDECIDED = UNDECIDED_STATES;
const UNSIGNED = UNSIGNED_STATES;
/** Where the gateway's newest observation decides. */
const ON_CHAIN = [...UNSIGNED, "signed", "broadcast", "confirming", "completed"] as const;

/**
 * The state machine. The upper part is decided in one place, online-risk, one decision after the other. The lower part
 * are facts; they form a lattice, so that late, repeated and disordered facts end in the same state: what was signed
 * outranks every attempt to have it signed, and among the gateway's observations the newest one counts, whatever it says.
 */
// biome-ignore format: one transition a line, in columns
export const TRANSITIONS: Readonly<Record<WithdrawalEventType, Transition>> = {
  received:        { from: [],                                              to: "received",        known: [],                                                     newerBy: null },
  held:            { from: ["received", "delayed"],                         to: "held",            known: [],                                                     newerBy: null },
  delayed:         { from: UNDECIDED,                                       to: "delayed",         known: [],                                                     newerBy: null },
  approved:        { from: ["held"],                                        to: "held",            known: [],                                                     newerBy: null },
  rejected:        { from: UNDECIDED,                                       to: "rejected",        known: ["rejected"],                                           newerBy: null },
  cancelled:       { from: UNDECIDED,                                       to: "cancelled",       known: ["cancelled"],                                          newerBy: null },
  cleared:         { from: UNDECIDED,                                       to: "cleared",         known: [],                                                     newerBy: null },
  failed:          { from: [...UNSIGNED, "signed", "broadcast"],            to: "failed",          known: ["failed"],                                             newerBy: null },

  replanned:       { from: UNSIGNED,                                        to: "cleared",         known: ["refused", "signed", "broadcast", "confirming", "completed", "failed"], newerBy: "attempt" },
  planned:         { from: UNSIGNED,                                        to: "planned",         known: ["refused", "signed", "broadcast", "confirming", "completed", "failed"], newerBy: "attempt" },
  signing:         { from: UNSIGNED,                                        to: "signing",         known: ["refused", "signed", "broadcast", "confirming", "completed", "failed"], newerBy: "attempt" },
  signing_delayed: { from: UNSIGNED,                                        to: "signing_delayed", known: ["refused", "signed", "broadcast", "confirming", "completed", "failed"], newerBy: "attempt" },
  refused:         { from: UNSIGNED,                                        to: "refused",         known: ["refused", "failed"],                                  newerBy: null },
  // An earlier transaction for it was ordered and may be signed: that a replacement is refused moves nothing, ever.
  replacement_refused: { from: [],                                          to: "signed",          known: [...UNSIGNED, "refused", "signed", "broadcast", "confirming", "completed", "failed"], newerBy: null },
  signed:          { from: UNSIGNED,                                        to: "signed",          known: ["signed", "broadcast", "confirming", "completed", "failed"], newerBy: null },
  broadcast:       { from: [...UNSIGNED, "signed"],                         to: "broadcast",       known: ["broadcast", "confirming", "completed", "failed"],     newerBy: null },
  included:        { from: ON_CHAIN,                                        to: "confirming",      known: [],                                                     newerBy: "revision" },
  reorged:         { from: ON_CHAIN,                                        to: "broadcast",       known: ["failed"],                                             newerBy: "revision" },
  completed:       { from: ON_CHAIN,                                        to: "completed",       known: [],                                                     newerBy: "revision" },
};
