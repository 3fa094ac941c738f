// Step 1: accepts a withdrawal once for its id, with the bytes that were signed, or says what is wrong with it.

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
  insertRequest,
  insertWithdrawal,
  type NewWithdrawal,
  noteDestination,
  readEstimates,
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

/**
 * Stores the withdrawal as received, or finds it stored for the same body: either way resolves to its id. "Same" means
 * the same bytes, so that nobody has to agree on what equal JSON is.
 */
export async function accept(
  tx: Transaction,
  { network, policies, sealer, now }: Acceptance,
  { key, signed, nonce }: Caller,
  idempotencyKey?: string,
): Promise<Result<string, ApiRefusal>> {
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
  const bodySha256 = createHash("sha256").update(signed.body).digest();
  const earlier = await findBodySha256(tx, request.id);
  if (earlier !== undefined) return repeated(request.id, earlier, bodySha256);
  const checked = check(request, network, key.maxAmountMinor);
  if (!checked.ok) return checked;
  const receivedAtMs = now();
  const { priority = "normal", maxFee } = request;
  const { policy } = await policies.active(tx);
  const quote = quoteFee(policy.fees[checked.value.asset], priority, await readEstimates(tx), receivedAtMs);
  if (maxFee !== undefined && quote.payer === "customer" && quote.feeMinor > BigInt(maxFee)) {
    const rule = `is below the fee of ${quote.feeMinor} that the customer would be charged now`;
    return refuseFields(422, [{ field: "maxFee", rule, code: "FEE_ABOVE_MAX" }]);
  }
  if (!(await insertRequest(tx, { id: request.id, keyId: key.keyId, nonce, signed, bodySha256, receivedAtMs }))) {
    const faster = await findBodySha256(tx, request.id);
    if (faster === undefined) throw new Error(`${request.id} is stored and is not`);
    return repeated(request.id, faster, bodySha256);
  }
  const id = request.id as WithdrawalId;
  const decided = decide({ type: "receive", nowMs: receivedAtMs, id }, null);
  if (!decided.ok) throw new Error(decided.refusal.detail);
  const { account, address } = request;
  const detail = `requested by ${key.keyId}`;
  const item: NewWithdrawal = {
    ...checked.value,
    ...{ id, state: "received", account, address, keyId: key.keyId, detail, receivedAtMs },
    ...{ priority, feePayer: quote.payer, feeMinor: quote.feeMinor },
  };
  await noteDestination(tx, item, endsOf(request.address));
  await tell(tx, sealer, [await insertWithdrawal(tx, item)]);
  await tx.query("select pg_notify($1, '')", [JUDGE_CHANNEL]);
  return ok(id);
}

function repeated(id: string, stored: Uint8Array, given: Uint8Array): Result<string, ApiRefusal> {
  if (Buffer.compare(stored, given) === 0) return ok(id);
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
