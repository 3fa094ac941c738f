// What online-risk's answers are in OKX's words. Only what it says of this very withdrawal is told as a refusal; all the rest,
// from a lost answer to a key of the facade that is set up wrongly, leaves open what became of it, and is told as just that.
import { SluiceApiError } from "@sluice/client";
import { type OkxErrorName, OkxRefusal, refuse } from "./refusals.ts";

const REFUSED: Readonly<Record<string, readonly [OkxErrorName, ...string[]]>> = {
  KEY_LIMIT_EXCEEDED: ["AMOUNT_TOO_LARGE"],
  AMOUNT_OVER_SUPPLY: ["AMOUNT_TOO_LARGE"],
  AMOUNT_DUST: ["AMOUNT_TOO_SMALL"],
  ADDRESS_MALFORMED: ["ADDRESS_INVALID"],
  ADDRESS_CHECKSUM: ["ADDRESS_INVALID"],
  ADDRESS_WRONG_NETWORK: ["ADDRESS_INVALID"],
  ADDRESS_UNSUPPORTED: ["ADDRESS_INVALID"],
  WITHDRAWAL_ID_REUSED: ["CLIENT_ID_REUSED"],
  FEE_ABOVE_MAX: ["PARAMETER", "fee"],
  WITHDRAWAL_UNKNOWN: ["WITHDRAWAL_UNKNOWN"],
  NOT_CANCELLABLE: ["NOT_CANCELLABLE"],
  RATE_LIMITED: ["RATE_LIMITED"],
};

/** Each call is one try, so that what it ends with is about that try alone. */
export function refusalOf(error: unknown): OkxRefusal {
  if (error instanceof OkxRefusal) return error;
  const known = error instanceof SluiceApiError && error.status > 0 ? REFUSED[error.code] : undefined;
  return known === undefined ? refuse("OUTCOME_UNKNOWN") : refuse(...known);
}

export function isUnknown(error: unknown): boolean {
  return error instanceof SluiceApiError && error.code === "WITHDRAWAL_UNKNOWN";
}
