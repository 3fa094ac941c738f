// The withdrawal API as functions. Repeating any of them is safe: the withdrawal's id is the idempotency key.
import {
  approvalBody,
  type FailureRequest,
  type Priority,
  parseWithdrawalRequest,
  type WithdrawalRequest,
  withdrawalIdSchema,
} from "@sluice/contracts";
import { isFinal, type WithdrawalState } from "@sluice/core";
import { type SignalOutcome, signalsAnswerSchema, type ToldSignal } from "@sluice/signals";
import {
  type AddressToScreen,
  type AllowedDestination,
  type AllowList,
  type BulkItem,
  type BulkResult,
  bulkAnswerSchema,
  type DestinationList,
  type FeeQuotes,
  feeQuotesSchema,
  type Screening,
  type Suspend,
  type Suspension,
  type WithdrawalDetails,
  type WithdrawalList,
  type WithdrawalSummary,
  withdrawalListSchema,
  withdrawalSchema,
} from "./api.ts";
import { destinationCalls } from "./destination-calls.ts";
import { SluiceApiError } from "./errors.ts";
import { pause } from "./pause.ts";
import { type PolicyCalls, policyCalls } from "./policy-calls.ts";
import { queryOf } from "./query.ts";
import { stoppingCalls } from "./stopping-calls.ts";
import { createTransport, type TransportOptions } from "./transport.ts";

export type SluiceClientOptions = TransportOptions;

export type NewWithdrawal = {
  /** Chosen and stored by the caller before the first call: whoever repeats a call with it never pays twice. */
  readonly id: string;
  readonly account: string;
  readonly asset: string;
  /** Minor units (satoshi). */
  readonly amount: bigint;
  readonly address: string;
  /** How soon it is meant to be paid; normal if not given. */
  readonly priority?: Priority;
  /** The highest fee, in minor units, that the customer may be charged; a higher quote refuses the request. */
  readonly maxFee?: bigint;
};

/** Of one of many: what is stored, or why it is not. */
export type BulkOutcome =
  | { readonly id: string; readonly withdrawal: WithdrawalSummary; readonly error: null }
  | { readonly id: string; readonly withdrawal: null; readonly error: SluiceApiError };

export type CallOptions = { readonly signal?: AbortSignal };

/** All that is given has to hold. */
export type ListFilter = CallOptions & {
  readonly state?: WithdrawalState;
  readonly account?: string;
  /** In any spelling of the same destination. */
  readonly address?: string;
  readonly asset?: string;
  /** Minor units. */
  readonly amountMin?: bigint;
  readonly amountMax?: bigint;
  /** Milliseconds since 1970. */
  readonly receivedFromMs?: number;
  readonly receivedBeforeMs?: number;
  readonly cursor?: string;
  readonly limit?: number;
};

export type Page = CallOptions & { readonly cursor?: string; readonly limit?: number };

export type WaitOptions = CallOptions & {
  /** Told of the first look and of every later one at which the withdrawal had changed. */
  readonly onChange?: (withdrawal: WithdrawalDetails) => void;
  /** How long to wait between two looks, milliseconds; 500 if not given. */
  readonly pollMs?: number;
};

/** Every function rejects with SluiceApiError, with the signal's reason, or with TypeError for an id that is none. */
export type SluiceClient = PolicyCalls & {
  readonly createWithdrawal: (withdrawal: NewWithdrawal, options?: CallOptions) => Promise<WithdrawalDetails>;
  /** Up to 1,000 in one request, each with its own outcome, in their order. Whoever calls again pays nothing twice. */
  readonly createWithdrawals: (
    withdrawals: readonly NewWithdrawal[],
    options?: CallOptions,
  ) => Promise<readonly BulkOutcome[]>;
  readonly getWithdrawal: (id: string, options?: CallOptions) => Promise<WithdrawalDetails>;
  readonly listWithdrawals: (filter?: ListFilter) => Promise<WithdrawalList>;
  /** What a withdrawal of this asset is quoted now, for each priority. */
  readonly getFees: (asset: string, options?: CallOptions) => Promise<FeeQuotes>;
  readonly cancelWithdrawal: (id: string, options?: CallOptions) => Promise<WithdrawalDetails>;
  /**
   * Approves with this client's key; every key counts once. With `requestBody`, which `getWithdrawal` gives, exactly that
   * request is approved: read it first (readRequestBody), since what it says is paid. The semi-offline zone counts no other.
   */
  readonly approveWithdrawal: (
    id: string,
    options?: CallOptions & { readonly requestBody?: string | undefined },
  ) => Promise<WithdrawalDetails>;
  /** Says that it has failed, with this client's key; two people have to, and the chain has to prove it. */
  readonly failWithdrawal: (id: string, said: FailureRequest, options?: CallOptions) => Promise<WithdrawalDetails>;
  /** Tells what happened in accounts, 1 to 1,000 at once; resolves to what became of each, in their order. */
  readonly tellSignals: (signals: readonly ToldSignal[], options?: CallOptions) => Promise<readonly SignalOutcome[]>;
  /** Where money of an account may go once its allow-list is in force; null for the list that counts for all accounts. */
  readonly listDestinations: (account: string | null, page?: Page) => Promise<DestinationList>;
  /** Counts from `activeFromMs` on. What is listed already keeps its time. */
  readonly allowDestination: (
    account: string | null,
    destination: { readonly address: string; readonly label?: string },
    options?: CallOptions,
  ) => Promise<AllowedDestination>;
  /** Counts at once. */
  readonly removeDestination: (
    account: string | null,
    address: string,
    options?: CallOptions,
  ) => Promise<{ readonly removed: boolean }>;
  readonly getAllowList: (account: string, options?: CallOptions) => Promise<AllowList>;
  /** On at once; off after the same delay as a new destination. */
  readonly enforceAllowList: (account: string, isEnforced: boolean, options?: CallOptions) => Promise<AllowList>;
  /** Stops it at once. Suspended again, it is the same suspension. */
  readonly suspend: (what: Suspend, options?: CallOptions) => Promise<Suspension>;
  /** What stands, as far as this key may see it. */
  readonly listSuspensions: (options?: CallOptions) => Promise<readonly Suspension[]>;
  /** Says with this client's key that it may go on, with an answer to each item of the checklist; two people have to. */
  readonly reopen: (
    id: string,
    answers: Readonly<Record<string, string>>,
    options?: CallOptions,
  ) => Promise<Suspension>;
  /** What is known of up to 100 addresses, and what the rule of labels would say now; by position. */
  readonly screenAddresses: (addresses: readonly AddressToScreen[], options?: CallOptions) => Promise<Screening>;
  /** Resolves once the withdrawal is in one of the states, or in a final one, which no other state follows. */
  readonly waitFor: (
    id: string,
    until: readonly WithdrawalState[],
    options?: WaitOptions,
  ) => Promise<WithdrawalDetails>;
};

export function createSluiceClient(options: SluiceClientOptions): SluiceClient {
  const { call, signItem } = createTransport(options);
  const getWithdrawal: SluiceClient["getWithdrawal"] = async (id, { signal } = {}) =>
    call({ method: "GET", path: pathOf(id), answer: withdrawalSchema, signal });
  return {
    ...destinationCalls(call),
    ...stoppingCalls(call),
    ...policyCalls(call),
    createWithdrawal: async (withdrawal, { signal } = {}) =>
      call({ method: "POST", path: "/v1/withdrawals", body: bodyOf(withdrawal), answer: withdrawalSchema, signal }),
    createWithdrawals: async (withdrawals, { signal } = {}) => {
      const bodies = withdrawals.map((each) => ({ id: each.id, body: bodyOf(each) }));
      const { results } = await call({
        ...{ method: "POST", path: "/v1/withdrawals/bulk", answer: bulkAnswerSchema, signal },
        body: () => bulkBodyOf(bodies.map(({ body }) => ({ body, ...signItem("/v1/withdrawals", body) }))),
      });
      return bodies.map(({ id }, index) => outcomeOf(id, results[index]));
    },
    getWithdrawal,
    listWithdrawals: async ({ signal, ...filter } = {}) =>
      call({ method: "GET", path: "/v1/withdrawals", query: queryOf(filter), answer: withdrawalListSchema, signal }),
    getFees: async (asset, { signal } = {}) =>
      call({ method: "GET", path: `/v1/fees/${encodeURIComponent(asset)}`, answer: feeQuotesSchema, signal }),
    cancelWithdrawal: async (id, { signal } = {}) =>
      call({ method: "POST", path: `${pathOf(id)}/cancel`, answer: withdrawalSchema, signal }),
    approveWithdrawal: async (id, { signal, requestBody } = {}) => {
      const sent = { method: "POST", path: `${pathOf(id)}/approvals`, answer: withdrawalSchema, signal } as const;
      if (requestBody === undefined) return call(sent);
      if (readRequestBody(requestBody)?.id !== id) throw new TypeError("the request body is not this withdrawal's");
      return call({ ...sent, body: approvalBody(Buffer.from(requestBody, "utf8")) });
    },
    failWithdrawal: async (id, { conflictingTransactionId, reason }, { signal } = {}) => {
      const body = Buffer.from(JSON.stringify({ conflictingTransactionId, reason }), "utf8");
      return call({ method: "POST", path: `${pathOf(id)}/failure`, body, answer: withdrawalSchema, signal });
    },
    tellSignals: async (signals, { signal } = {}) => {
      const body = Buffer.from(JSON.stringify({ signals }), "utf8");
      return (await call({ method: "POST", path: "/v1/signals", body, answer: signalsAnswerSchema, signal })).signals;
    },
    waitFor: async (id, until, { signal, onChange, pollMs = 500 } = {}) => {
      for (let seenRevision = 0; ; ) {
        const withdrawal = await getWithdrawal(id, signal === undefined ? {} : { signal });
        if (withdrawal.revision !== seenRevision) onChange?.(withdrawal);
        seenRevision = withdrawal.revision;
        if (until.includes(withdrawal.state) || isFinal(withdrawal.state)) return withdrawal;
        await pause(pollMs, signal);
      }
    },
  };
}

/** What a withdrawal's `requestBody` asks for, read as the semi-offline zone reads it; null when it is none. */
export function readRequestBody(requestBody: string): WithdrawalRequest | null {
  const read = parseWithdrawalRequest(Buffer.from(requestBody, "utf8"));
  return read.ok ? read.value : null;
}

/** An id that is none would be rewritten on its way through a URL, and the signature would cover another path. */
function pathOf(id: string): string {
  if (!withdrawalIdSchema.safeParse(id).success) throw new TypeError("the withdrawal id is malformed");
  return `/v1/withdrawals/${id}`;
}

/** The same withdrawal gives the same bytes every time: the front door compares bytes. */
function bodyOf({ id, account, asset, amount, address, priority, maxFee }: NewWithdrawal): Uint8Array<ArrayBuffer> {
  const body = { id, account, asset, amount: amount.toString(), address, priority, maxFee: maxFee?.toString() };
  return Buffer.from(JSON.stringify(body), "utf8");
}

type SignedBody = { readonly body: Uint8Array; readonly signatureInput: string; readonly signature: string };

function bulkBodyOf(items: readonly SignedBody[]): Uint8Array<ArrayBuffer> {
  const withdrawals = items.map((item): BulkItem => ({ ...item, body: Buffer.from(item.body).toString("utf8") }));
  return Buffer.from(JSON.stringify({ withdrawals }), "utf8");
}

function outcomeOf(id: string, result: BulkResult | undefined): BulkOutcome {
  if (result?.withdrawal?.id === id) return { id, withdrawal: result.withdrawal, error: null };
  const detail = "the answer says nothing of it; whether it is stored is not known";
  const { status = 0, problem = null } = result ?? {};
  return {
    id,
    withdrawal: null,
    error: new SluiceApiError({ status, ...(problem ?? { code: "ANSWER_MALFORMED", detail }) }),
  };
}
