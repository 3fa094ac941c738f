// Every status that the second opinion gives, in the order in which the checks are made, with what it means. Documents
// derive from this table. What the decoder refuses stands in CHAIN_REFUSALS, in its own order, at DECODER below.
import { APPROVAL_MEANINGS } from "@sluice/contracts";

export type Status = { readonly verdict: "delay" | "refuse" | "delay or refuse"; readonly meaning: string };

type ApprovalCode = keyof typeof APPROVAL_MEANINGS;

const APPROVALS = Object.fromEntries(
  Object.entries(APPROVAL_MEANINGS).map(([code, meaning]) => [code, refuses(meaning)]),
) as Readonly<Record<ApprovalCode, Status>>;

export const STATUSES = {
  // The bundle: without one that is new enough, nothing is judged.
  BUNDLE_UNAVAILABLE: delays("no bundle is there, or the one on record does not verify"),
  BUNDLE_TOO_OLD: delays("the bundle in force is older than its own policy allows"),
  JUDGEMENT_FAILED: delays("something went wrong inside; it is tried again"),

  // Seals: online-risk's clearance, then the backend's request inside it.
  TASK_TOO_LARGE: refuses("the signed transaction could not cross the bridge"),
  WALLET_UNKNOWN: refuses("the zone has no such wallet"),
  ENVELOPE_MALFORMED: refuses("a clearance is no envelope in its one form"),
  TYPE_UNKNOWN: refuses("a clearance names a type that is in no table"),
  TYPE_UNEXPECTED: refuses("what should be a clearance is another message"),
  SEAL_KEY_UNKNOWN: refuses("a clearance is sealed by a key that the bundle does not list for online-risk, or not yet"),
  SEAL_KEY_REVOKED: refuses("the bundle revokes the key of a clearance"),
  SEAL_KEY_EXPIRED: refuses("the validity of a clearance's key has ended"),
  PRODUCER_NOT_PERMITTED: refuses("a clearance is sealed by somebody who may not clear"),
  SEAL_INVALID: refuses("the seal of a clearance does not hold"),
  PAYLOAD_MALFORMED: refuses("a sealed clearance does not have its form"),
  REQUEST_SIGNATURE_MISSING: refuses("the request in a clearance is not signed"),
  REQUEST_SIGNATURE_MALFORMED: refuses("the request's signature cannot be read"),
  REQUEST_SIGNATURE_INCOMPLETE: refuses("the request's signature does not cover what it must"),
  REQUEST_DIGEST_MISSING: refuses("the request has no digest of its body"),
  REQUEST_DIGEST_MISMATCH: refuses("the request's digest is of another body"),
  REQUEST_KEY_UNKNOWN: refuses(
    "the request is signed by a key that the bundle does not list for the backend, or not yet",
  ),
  REQUEST_KEY_REVOKED: refuses("the bundle revokes the key of a request"),
  REQUEST_KEY_EXPIRED: refuses("the validity of a request's key has ended"),
  REQUEST_SIGNATURE_INVALID: refuses("the request's signature does not hold"),
  REQUEST_NOT_A_WITHDRAWAL: refuses("the backend signed something else than a withdrawal"),
  REQUEST_MALFORMED: refuses("the signed body is no withdrawal in its form"),
  CLEARANCE_MISMATCH: refuses("clearance and request speak of different withdrawals"),
  DUPLICATE_WITHDRAWAL: refuses("a withdrawal stands in the task twice"),

  /** In the place of every code of CHAIN_REFUSALS: the bytes are not an unsigned payout of this wallet. */
  DECODER: refuses("the bytes are no unsigned payout of this wallet: the code is the decoder's own"),

  // What the requests ask for.
  ASSET_UNKNOWN: refuses("the request is for an asset that this zone does not sign for"),
  AMOUNT_ZERO: refuses("the request is for nothing"),
  AMOUNT_OVER_SUPPLY: refuses("the request is for more than there can be"),
  ADDRESS_CHECKSUM: refuses("the address is mistyped"),
  ADDRESS_MALFORMED: refuses("the address is none"),
  ADDRESS_UNSUPPORTED: refuses("the address is of a kind that is not paid to"),
  ADDRESS_WRONG_NETWORK: refuses("the address is of another network"),
  PAYMENT_TO_OWN_WALLET: refuses("the destination is the hot wallet itself"),

  // A transaction that pays nobody.
  INTERNAL_NOT_ALLOWED: refuses("the policy in force knows no internal transfers"),
  INTERNAL_OUTPUTS: refuses("an internal transfer has more outputs than it may, or two to one address"),

  // Payments against requests.
  OWN_BRANCH_OUTPUT: refuses("an output goes to the wallet's receiving branch"),
  CHANGE_SPLIT: refuses("the change goes to more than one output"),
  PAYMENT_UNMATCHED: refuses("an output pays what no clearance says"),
  PAYMENT_AMOUNT: refuses("an output pays another amount than the one cleared"),
  PAYMENT_MISSING: refuses("nothing pays what is cleared"),
  DESTINATION_LABELLED: refuses("the destination is on the zone's own list, or in its own copy of the label store"),

  // Against what was ordered before.
  ALREADY_PAID: refuses("the withdrawal was ordered in a transaction that this one does not conflict with"),
  INPUT_IN_USE: refuses(
    "an input belongs to a transaction for other withdrawals, no signed version of which does without it, or it would be an anchor",
  ),
  TRANSACTION_FOR_OTHERS: refuses("this very transaction was ordered for other withdrawals"),
  WITHDRAWAL_CHANGED: refuses("the withdrawal was ordered before for another amount or address"),
  CLEARANCE_EXPIRED: refuses("the clearance was too old when the task was judged first"),
  CLEARANCE_FROM_FUTURE: refuses("the clearance is from the future"),

  // Fixed caps.
  OVER_PAYMENT_LIMIT: refuses("a payment is larger than any may be"),
  ORIGIN_OVER_LIMIT: refuses("a payment is larger than the key that requested it may ask for"),
  FEE_OVER_ABSOLUTE_CAP: refuses("the fee is over its absolute cap"),
  FEE_OVER_RATE_CAP: refuses("the fee rate is over its cap"),
  FEE_OVER_PERCENT_CAP: refuses("the fee is over its share of the payments"),
  FEE_TOO_LOW: refuses("the fee rate is too low to confirm"),

  // What people approved, where the amount needs it. Only of what was never ordered: its versions are the same payment.
  ...APPROVALS,

  // People, then what only time and people can settle. Those that refuse go before those that delay.
  VETOED: refuses("a person said no"),
  SUSPENDED: either(
    "people have suspended it; of a batch with others it is refused, so that these are planned without it",
  ),
  INTERNAL_VELOCITY: either("too many internal transfers of the wallet within a window, or too dear together"),
  ACCOUNT_VELOCITY: either("too much or too often for the account within a window"),
  DESTINATION_VELOCITY: either("too much or too often for the destination within a window"),
  ORIGIN_VELOCITY: either("too much or too often for the key that requested it within a window"),
  WALLET_OUTFLOW: either("too much out of the wallet within a window, fees included"),
  ACCOUNT_ABNORMAL: either("far more than is usual for the account"),
  WALLET_ABNORMAL: either("far more in an hour than is usual for the wallet"),
  LABELS_UNKNOWN: delays("it cannot be told whether the destination has a label"),
  LARGE_PAYMENT_DELAY: delays("a large payment waits, so that people may say no"),
  NEEDS_RELEASE: delays("a named person has to release it at the zone's console"),
} as const satisfies Readonly<Record<string, Status>>;

export type StatusCode = keyof typeof STATUSES;

function refuses(meaning: string): Status {
  return { verdict: "refuse", meaning };
}

function delays(meaning: string): Status {
  return { verdict: "delay", meaning };
}

function either(meaning: string): Status {
  return { verdict: "delay or refuse", meaning };
}
