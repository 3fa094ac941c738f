// Step 1: accepts withdrawals once for their id, with the bytes that were signed, or says what is wrong with each.

import { createHash } from "node:crypto";
import type { Policies } from "@sluice/active-policy";
import { type BitcoinNetwork, dustSat, parseAddress } from "@sluice/chains";
import { parseWithdrawalRequest, type Sealer, type WithdrawalRequest } from "@sluice/contracts";
import { type Asset, decide, ok, parseAmount, parseAsset, type Result, type WithdrawalId } from "@sluice/core";
import { type ApiRefusal, type Caller, refuse, refuseFields } from "@sluice/gate";
import { type FieldError, Problem, SERVER_PROBLEMS } from "@sluice/http";
import { endsOf, quoteFee } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import { tell } from "@sluice/progress";
import {
  findBodySha256,
  insertRequests,
  insertWithdrawals,
  type NewRequest,
  type NewWithdrawal,
  noteDestinations,
  readEstimates,
  type Stored,
} from "@sluice/risk-memory";

/** Wakes whoever judges; told in the transaction that stores something to judge. */
export const JUDGE_CHANNEL = "judge";

export type Acceptance = {
  /** Whether so much waits to be judged that no more is taken for now. */
  readonly isFull?: () => boolean;
  readonly network: BitcoinNetwork;
  readonly policies: Pick<Policies, "active">;
  readonly sealer: Sealer;
  readonly now: () => number;
};

/** As a `preValidation` of a route that accepts: refused before anything is looked at, so that nothing of it is kept. */
export function unlessFull({ isFull = () => false }: Acceptance) {
  return async (): Promise<void> => {
    if (isFull())
      throw new Problem({ ...SERVER_PROBLEMS.OVERLOADED, detail: "Too many withdrawals wait to be judged" });
  };
}

export type Asked = { readonly caller: Caller; readonly idempotencyKey?: string | undefined };

/** `stored` is what was stored now; null where it was there before. */
export type Accepted = { readonly id: string; readonly stored: Stored | null };

/**
 * Stores each withdrawal as received, or finds it stored for the same body, with a constant number of statements; of two with
 * one id the first is stored. "Same" means the same bytes, so that nobody has to agree on what equal JSON is.
 */
export async function acceptAll(
  tx: Transaction,
  options: Acceptance,
  asked: readonly Asked[],
): Promise<readonly Result<Accepted, ApiRefusal>[]> {
  const read = asked.map(readAsked);
  const ids = read.flatMap((one) => (one.ok ? [one.value.request.id] : []));
  const known = new Map<string, Uint8Array>(ids.length === 0 ? [] : await findBodySha256(tx, ids));
  const unknown = read.flatMap((one) => (one.ok && !known.has(one.value.request.id) ? [one.value] : []));
  const quoted = unknown.length === 0 ? [] : await quoteNew(tx, options, unknown);
  const outcomes = new Map(unknown.map((one, at) => [one, quoted[at]]));
  const firsts = new Map<string, NewOne>();
  for (const one of quoted) if (one.ok && !firsts.has(one.value.item.id)) firsts.set(one.value.item.id, one.value);
  const stored = await store(tx, options, [...firsts.values()]);
  const others = [...firsts.keys()].filter((id) => !stored.has(id));
  for (const [id, { bodySha256 }] of firsts) known.set(id, bodySha256);
  if (others.length > 0) for (const [id, sha256] of await findBodySha256(tx, others)) known.set(id, sha256);
  return read.map((one): Result<Accepted, ApiRefusal> => {
    if (!one.ok) return one;
    const outcome = outcomes.get(one.value);
    if (outcome?.ok === false) return outcome;
    const { request, bodySha256 } = one.value;
    const fresh = stored.get(request.id);
    if (fresh !== undefined && firsts.get(request.id)?.read === one.value) return ok({ id: request.id, stored: fresh });
    const earlier = known.get(request.id);
    if (earlier === undefined) throw new Error(`${request.id} is stored and is not`);
    return repeated(request.id, earlier, bodySha256);
  });
}

type Read = {
  readonly caller: Caller;
  readonly request: WithdrawalRequest;
  readonly bodySha256: Uint8Array;
};

/** What can be said without asking anybody. */
function readAsked({ caller, idempotencyKey }: Asked): Result<Read, ApiRefusal> {
  const { key, signed } = caller;
  // A clearance is only believed for exactly this request line.
  if (signed.path !== "/v1/withdrawals" || signed.query !== "") {
    return refuse(400, "QUERY_UNEXPECTED", "the request target has to be exactly /v1/withdrawals");
  }
  const parsed = parseWithdrawalRequest(signed.body);
  if (!parsed.ok) {
    const [first, ...rest] = parsed.refusal;
    if (first === undefined) throw new Error("a body was refused without a fault");
    return refuseFields(first.code === "JSON_MALFORMED" ? 400 : 422, [first, ...rest]);
  }
  const request = parsed.value;
  if (idempotencyKey !== undefined && idempotencyKey !== request.id) {
    return refuse(
      422,
      "IDEMPOTENCY_KEY_MISMATCH",
      "the header Idempotency-Key, where it is given, is the withdrawal's id",
    );
  }
  if (key.accounts !== null && !key.accounts.includes(request.account)) {
    return refuse(403, "ACCOUNT_NOT_PERMITTED", "this key may not withdraw from this account");
  }
  if (key.idPrefix !== null && !request.id.startsWith(key.idPrefix)) {
    return refuse(403, "ID_NOT_PERMITTED", `this key's ids begin with ${key.idPrefix}`);
  }
  return ok({ caller, request, bodySha256: createHash("sha256").update(signed.body).digest() });
}

type NewOne = { readonly read: Read; readonly item: NewWithdrawal; readonly bodySha256: Uint8Array };

/** What a withdrawal that is not known yet would be stored as, or what is wrong with it. */
async function quoteNew(
  tx: Transaction,
  { network, policies, now }: Acceptance,
  unknown: readonly Read[],
): Promise<readonly Result<NewOne, ApiRefusal>[]> {
  const { policy } = await policies.active(tx);
  const estimates = await readEstimates(tx);
  const receivedAtMs = now();
  return unknown.map((read): Result<NewOne, ApiRefusal> => {
    const { request, caller, bodySha256 } = read;
    const { keyId, maxAmountMinor } = caller.key;
    const checked = check(request, network, maxAmountMinor);
    if (!checked.ok) return checked;
    const { account, address, priority = "normal", maxFee } = request;
    const quote = quoteFee(policy.fees[checked.value.asset], priority, estimates, receivedAtMs);
    if (maxFee !== undefined && quote.payer === "customer" && quote.feeMinor > BigInt(maxFee)) {
      const rule = `is below the fee of ${quote.feeMinor} that the customer would be charged now`;
      return refuseFields(422, [{ field: "maxFee", rule, code: "FEE_ABOVE_MAX" }]);
    }
    const id = request.id as WithdrawalId;
    const decided = decide({ type: "receive", nowMs: receivedAtMs, id }, null);
    if (!decided.ok) throw new Error(decided.refusal.detail);
    const item: NewWithdrawal = {
      ...checked.value,
      ...{ id, state: "received", account, address, keyId, detail: `requested by ${keyId}`, receivedAtMs },
      ...{ priority, feePayer: quote.payer, feeMinor: quote.feeMinor },
    };
    return ok({ read, item, bodySha256 });
  });
}

/** By id, what was stored; without what somebody else stores at the same time. */
async function store(
  tx: Transaction,
  { sealer }: Acceptance,
  fresh: readonly NewOne[],
): Promise<ReadonlyMap<string, Stored>> {
  if (fresh.length === 0) return new Map();
  const requests = fresh.map(({ read: { caller }, item: { id, keyId, receivedAtMs }, bodySha256 }): NewRequest => {
    return { id, keyId, nonce: caller.nonce, signed: caller.signed, bodySha256, receivedAtMs };
  });
  const isStored = await insertRequests(tx, requests);
  const items = fresh.map(({ item }) => item).filter(({ id }) => isStored.has(id));
  if (items.length === 0) return new Map();
  await noteDestinations(
    tx,
    items.map((item) => ({ ...item, ends: endsOf(item.address) })),
  );
  const stored = await insertWithdrawals(tx, items);
  await tell(tx, sealer, stored);
  await tx.query("select pg_notify($1, '')", [JUDGE_CHANNEL]);
  return new Map(stored.map((one) => [one.id, one]));
}

function repeated(id: string, stored: Uint8Array, given: Uint8Array): Result<Accepted, ApiRefusal> {
  if (Buffer.compare(stored, given) === 0) return ok({ id, stored: null });
  return refuse(409, "WITHDRAWAL_ID_REUSED", `${id} was requested before with another body`);
}

type Checked = { readonly asset: Asset; readonly amountMinor: bigint; readonly scriptPubKey: Uint8Array };

/** The fields' own rules in this order: asset, amount, the key's limit, address, dust. */
function check(
  { asset, amount, address }: WithdrawalRequest,
  network: BitcoinNetwork,
  maxAmountMinor: bigint | null,
): Result<Checked, ApiRefusal> {
  const known = parseAsset(asset);
  const value = known.ok ? parseAmount(amount, known.value) : null;
  const destination = parseAddress(network, address);
  const errors: FieldError[] = [
    ...(known.ok ? [] : [fieldError("asset", known.refusal)]),
    ...(value === null || value.ok ? [] : [fieldError("amount", value.refusal)]),
    ...(destination.ok ? [] : [fieldError("address", destination.refusal)]),
  ];
  if (known.ok && value?.ok && destination.ok) {
    const { scriptPubKey } = destination.value;
    const dust = dustSat(scriptPubKey);
    if (maxAmountMinor !== null && value.value > maxAmountMinor) {
      return refuse(403, "KEY_LIMIT_EXCEEDED", `this key may request at most ${maxAmountMinor} at once`);
    }
    if (value.value >= dust) return ok({ asset: known.value, amountMinor: value.value, scriptPubKey });
    const rule = `has to be at least ${dust}, or no node passes the payment on`;
    errors.push({ field: "amount", rule, code: "AMOUNT_DUST" });
  }
  const [first, ...rest] = errors;
  if (first === undefined) throw new Error("a request was refused without a fault");
  return refuseFields(422, [first, ...rest]);
}

function fieldError(field: string, { code, detail }: { readonly code: string; readonly detail: string }): FieldError {
  return { field, rule: detail, code };
}
