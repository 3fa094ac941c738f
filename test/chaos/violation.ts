// What a history may be found guilty of. A code means one thing and never changes its meaning.

export const VIOLATIONS = [
  "HISTORY_MALFORMED",
  "UNANSWERED",
  "LOST",
  "PAID_TWICE",
  "WRONG_AMOUNT",
  "PAID_BY_STRANGER",
  "PAID_UNDULY",
  "UNAUTHORISED_OUTPUT",
  "NOT_FINAL",
  "API_MISSING",
  "API_UNKNOWN",
  "API_DIFFERS",
  "STATE_WRONG",
  "TXID_WRONG",
  "LEDGER_DRIFT",
  "LEDGER_UNBALANCED",
  "LEDGER_CHAIN",
  "PAYOUT_MISSING",
  "PAYOUT_NOT_POSTED",
  "PAYOUT_UNKNOWN",
  "PAYOUT_DIFFERS",
  "POSTED_TWICE",
  "FEE_WRONG",
  "FEE_UNKNOWN",
  "RESERVATION_LEFT",
  "TASK_OPEN",
  "COIN_WRONG",
  "PARKED_REPORT",
  "DEAD_LETTER",
  "REPAIRED_BY_HAND",
] as const;

export type ViolationCode = (typeof VIOLATIONS)[number];

/** `about` names the withdrawal, transaction, coin or service. */
export type Violation = { readonly code: ViolationCode; readonly about: string; readonly detail: string };

export const violation = (code: ViolationCode, about: string, detail: string): Violation => ({ code, about, detail });
