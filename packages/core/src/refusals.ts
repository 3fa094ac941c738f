// Every code with which the domain refuses, in one place, with the rule that it stands for.

export const REFUSALS = {
  AMOUNT_MALFORMED: "an amount is a string of decimal digits in minor units, without sign, point or leading zero",
  AMOUNT_ZERO: "an amount is greater than zero",
  AMOUNT_OVER_SUPPLY: "an amount is not greater than all that can ever exist of the asset",
  ASSET_UNKNOWN: "an asset is one that this deployment pays out",
  WITHDRAWAL_ID_MALFORMED: "a withdrawal id is 1 to 64 letters, digits or . _ : - and begins with a letter or digit",
  ACCOUNT_ID_MALFORMED: "an account id is 1 to 64 letters, digits or . _ : - and begins with a letter or digit",
  WALLET_ID_MALFORMED: "a wallet id is 1 to 64 letters, digits or . _ : - and begins with a letter or digit",
  TASK_ID_MALFORMED: "a task id is 1 to 128 letters, digits or . _ : - and begins with a letter or digit",
  WITHDRAWAL_UNKNOWN: "nothing is decided about a withdrawal that was never received",
  ALREADY_RECEIVED: "a withdrawal is received once",
  ALREADY_JUDGED: "a withdrawal is judged when it is received, and again only after its delay",
  NOT_HELD: "only a held withdrawal waits for approvals",
  NOT_DELAYED: "only a delayed withdrawal is released",
  DELAY_NOT_OVER: "a delayed withdrawal waits until its time",
  NOT_CANCELLABLE: "a withdrawal is cancelled only before it is cleared",
  NOT_DENIABLE: "a person denies only what is held or delayed",
  NOT_FAILABLE: "a person fails only what is cleared and neither on the chain nor in a final state",
  ANCHOR_UNKNOWN: "the semi-offline zone has named no outpoint that every transaction for it spends",
  CONFLICT_UNKNOWN: "the nodes know of no such transaction in the place of one of ours",
  CONFLICT_IS_OURS: "the other transaction is one of ours and may pay it",
  CONFLICT_NOT_AT_ANCHOR: "the other transaction spends something else than the outpoint that every one of ours spends",
  CONFLICT_IN_NO_BLOCK: "the other transaction is in no block",
  PROOF_TOO_SHALLOW: "a withdrawal fails only when a conflicting transaction is buried to the asset's depth",
  FACT_BEFORE_CLEARANCE: "nothing is planned, signed or paid for a withdrawal that was not cleared",
  FACT_CONTRADICTS: "a fact does not contradict what is already final",
  PAYOUT_MISMATCH: "a payout keeps its account, asset and amount",
  PAYOUT_NOT_POSTED: "only a posted payout is re-opened",
  PAYOUT_ALREADY_POSTED: "a posted payout is not voided",
  PAYOUT_ALREADY_VOIDED: "a voided payout is not posted",
} as const;

export type RefusalCode = keyof typeof REFUSALS;

export type Refusal<C extends RefusalCode = RefusalCode> = { readonly code: C; readonly detail: string };

/** Builds a refusal; without a detail it is the rule itself. */
export function refusal<C extends RefusalCode>(code: C, detail: string = REFUSALS[code]): Refusal<C> {
  return { code, detail };
}
