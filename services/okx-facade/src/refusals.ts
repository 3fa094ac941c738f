// Every refusal, by the code and the words that OKX documents for it ("Error Code", Public and Funding), and its HTTP status there.
// None is a 5xx, also where something failed here: what is not known is said with 50004, which says just that.

export const OKX_ERRORS = {
  BODY_EMPTY: ["50000", 400, "Body for POST request cannot be empty."],
  JSON_MALFORMED: ["50002", 400, "JSON syntax error"],
  /** The only honest answer after a time-out: it may have been accepted. The same clientId may be sent again. */
  OUTCOME_UNKNOWN: [
    "50004",
    400,
    "API endpoint request timeout. (does not mean that the request was successful or failed, please check the request result).",
  ],
  CONTENT_TYPE: ["50006", 400, 'Invalid Content-Type. Please use "application/JSON".'],
  RATE_LIMITED: ["50011", 429, "Too Many Requests"],
  BUSY: ["50013", 429, "Systems are busy. Please try again later."],
  PARAMETER_EMPTY: ["50014", 400, "Parameter {0} can not be empty."],
  EITHER_REQUIRED: ["50015", 400, "Either parameter {0} or {1} is required"],
  BOTH_GIVEN: ["50024", 200, "Parameter {0} and {1} can not exist at the same time."],
  TIMESTAMP_EXPIRED: ["50102", 401, "Timestamp request expired."],
  KEY_MISSING: ["50103", 401, 'Request header "OK-ACCESS-KEY" cannot be empty.'],
  PASSPHRASE_MISSING: ["50104", 401, 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty.'],
  SIGN_MISSING: ["50106", 401, 'Request header "OK-ACCESS-SIGN" cannot be empty.'],
  TIMESTAMP_MISSING: ["50107", 401, 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty.'],
  IP_NOT_ALLOWED: ["50110", 401, "Your IP {0} is not included in your API key's IP whitelist."],
  TIMESTAMP_INVALID: ["50112", 401, "Invalid OK-ACCESS-TIMESTAMP."],
  /** OKX tells an unknown key, a wrong passphrase and a wrong signature apart; here a stranger learns nothing from it. */
  UNAUTHORIZED: ["50114", 401, "Invalid authorization."],
  ENDPOINT_UNKNOWN: ["50005", 410, "API endpoint is inactive or unavailable."],
  NOT_PERMITTED: ["50120", 200, "This API key doesn't have permission to use this function"],
  PARAMETER: ["51000", 400, "Parameter {0} error"],
  TOKEN_UNAVAILABLE: ["58006", 200, "Service unavailable for token {0}."],
  CHAIN_UNSUPPORTED: ["58010", 200, "Chain {0} isn't supported"],
  DEPOSITS_UNSUPPORTED: ["58014", 200, "Deposits not supported yet, contact customer support for details"],
  NOT_ON_CHAIN: ["58200", 200, "Withdrawal from {0} to {1} is currently not supported for this currency."],
  AMOUNT_TOO_LARGE: ["58205", 200, "Withdrawal amount exceeds the upper limit."],
  AMOUNT_TOO_SMALL: ["58206", 200, "Withdrawal amount is less than the lower limit."],
  WITHDRAWAL_UNKNOWN: ["58215", 200, "Withdrawal ID does not exist."],
  NOT_YOURS_TO_CANCEL: ["58216", 200, "Operation not allowed."],
  ALREADY_CANCELED: ["58220", 200, "Withdrawal request already canceled."],
  ADDRESS_INVALID: ["58222", 200, "Invalid withdrawal address"],
  NOT_CANCELLABLE: ["58403", 200, "Transaction cannot be canceled"],
  CLIENT_ID_REUSED: ["58404", 200, "ClientId already exists"],
} as const satisfies Readonly<Record<string, readonly [code: string, status: number, message: string]>>;

export type OkxErrorName = keyof typeof OKX_ERRORS;

export class OkxRefusal extends Error {
  override readonly name = "OkxRefusal";
  readonly reason: OkxErrorName;
  readonly code: string;
  readonly status: number;

  constructor(reason: OkxErrorName, ...values: readonly string[]) {
    const [code, status, message] = OKX_ERRORS[reason];
    super(message.replace(/\{([0-9])\}/g, (_, at: string) => values[Number(at)] ?? ""));
    this.reason = reason;
    this.code = code;
    this.status = status;
  }
}

/** To be thrown; whatever is said in it was sent by the client itself, within its bounds. */
export function refuse(reason: OkxErrorName, ...values: readonly string[]): OkxRefusal {
  return new OkxRefusal(reason, ...values);
}
