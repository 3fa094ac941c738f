// What the document of the API says of withdrawals' routes: their words, and the codes that several share.
import type { Refusals } from "@sluice/http";

export const ACCEPTING = `The answer comes after the withdrawal is stored. The id is the idempotency key: the same id with the same
body, byte for byte, is answered with the withdrawal as it stands; with any other body it is refused with
WITHDRAWAL_ID_REUSED, for ever. A header Idempotency-Key is not needed; where one is given it has to be the id.`;

export const IN_BULK = `Up to 1,000 at once, each with a result of its own, as if it had been posted by itself: each carries the exact body and its own
signature over that body as a request of POST /v1/withdrawals on the same authority, with the same key and a nonce of its own, because the
semi-offline zone verifies each signature again. The request around them is signed as every other. It counts as as many requests as it
carries. When no answer comes, it is safe to sign everything anew over the same bodies and to send it again.`;

export const ADDRESSES = [
  "ADDRESS_MALFORMED",
  "ADDRESS_CHECKSUM",
  "ADDRESS_WRONG_NETWORK",
  "ADDRESS_UNSUPPORTED",
] as const;

export const APPROVING = `Each key, and each person, counts once, and nobody approves what the same key or person requested. With
requestSha256 it approves exactly what \`requestBody\` says, and is verified again in the semi-offline zone, which counts no other; without it,
it approves the id as it is known here, which the policy allows up to an amount. Approving again replaces what was signed.`;

export const FAILING = `Two people say so, each with a key of their own, once the chain proves that it can never be paid: a transaction that
is not ours has spent what each of its own spends, and is final. Until then it is refused with the part of the proof that is
missing. It is for good, and the amount is owed to the customer again.`;

/** Why a withdrawal that was asked for is not accepted, once the body is JSON. */
export const ACCEPTANCE: Refusals = {
  403: ["ACCOUNT_NOT_PERMITTED", "ID_NOT_PERMITTED", "KEY_LIMIT_EXCEEDED"],
  409: ["WITHDRAWAL_ID_REUSED"],
  422: [
    "IDEMPOTENCY_KEY_MISMATCH",
    ...["FIELD_MISSING", "FIELD_INVALID", "FIELD_UNKNOWN", "FIELD_REPEATED", "ASSET_UNKNOWN", "FEE_ABOVE_MAX"],
    ...["AMOUNT_ZERO", "AMOUNT_MALFORMED", "AMOUNT_OVER_SUPPLY", "AMOUNT_DUST"],
    ...ADDRESSES,
  ],
};

/** Nothing is cleared or failed while the semi-offline zone's reports are not all there. */
export const ALARMS = ["REPORTS_MISSING", "REPORT_NUMBER_REUSED", "REPORTS_ROLLED_BACK", "ZONE_SILENT"] as const;

/** The parts of the proof that a withdrawal can never be paid. */
export const PROOFS = [
  ...["ANCHOR_UNKNOWN", "CONFLICT_UNKNOWN", "CONFLICT_IS_OURS"],
  ...["CONFLICT_NOT_AT_ANCHOR", "CONFLICT_IN_NO_BLOCK", "PROOF_TOO_SHALLOW"],
] as const;
