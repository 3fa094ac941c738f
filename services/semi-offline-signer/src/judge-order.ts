// Step 6: what a holder finds out for itself about an order, from bytes and seals alone, before it asks its journal.
import {
  type DecodedPayment,
  type DecodedPayout,
  decodePayout,
  findScript,
  INDEX_LIMIT,
  parseAddress,
  type Wallet,
} from "@sluice/chains";
import {
  type ApprovalRules,
  asListed,
  type Clearance,
  judgeApprovals,
  type MessageOf,
  type Trust,
  verifyClearance,
} from "@sluice/contracts";
import { ok, parseAmount, parseAsset, type Result, refused } from "@sluice/core";
import type { SigningIntent } from "@sluice/sign-once";

export type Order = MessageOf<"signing.ordered.v1">;

/** This holder's own hard limits; nobody can raise them from outside. The rate is in satoshis per 1000 vbytes. */
export type Caps = {
  readonly maxPaymentSat: bigint;
  readonly maxFeeSat: bigint;
  readonly maxFeeRateSatPerKvbyte: bigint;
  /** Of the sum of the payments. */
  readonly maxFeePercent: number;
  /** How old a clearance may be, or how far ahead, when a withdrawal is signed for the first time. */
  readonly maxClearanceAgeMs: number;
  /** Of what pays nobody but the own change branch. Without them it signs none of that. */
  readonly internal?: InternalCaps | undefined;
  /** Who has to have approved what is large, by this holder's own list. Without it nobody has to. */
  readonly approvals?: ApprovalRules | undefined;
};

export type InternalCaps = Pick<Caps, "maxFeeSat" | "maxFeeRateSatPerKvbyte"> & { readonly maxOutputs: number };

export type HolderPolicy = {
  readonly holder: string;
  readonly trust: Trust;
  /** Only the wallets that this holder's key belongs to. */
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly caps: Caps;
};

export type HolderRefusal = { readonly code: string; readonly reason: string };

export type SoundOrder = {
  readonly wallet: Wallet;
  readonly decoded: DecodedPayout;
  readonly intent: SigningIntent;
  readonly cleared: readonly Cleared[];
};

type Cleared = {
  readonly withdrawalId: string;
  readonly clearedAtMs: number;
  readonly amountSat: bigint;
  readonly clearance: Clearance;
};

/** Script multisig is signed in one round; threshold schemes will need more. */
const ONLY_ROUND = 1;

/** The first violated rule refuses. Its code is stable; where the rule is another package's, so is the code. */
export function judgeOrder(order: Order, policy: HolderPolicy): Result<SoundOrder, HolderRefusal> {
  const { holder, trust, wallets, caps } = policy;
  if (order.holder !== holder) return refuse("HOLDER_OTHER", `the order is for ${order.holder}`);
  if (order.round !== ONLY_ROUND) return refuse("ROUND_UNKNOWN", `there is no round ${order.round}`);
  const wallet = wallets.get(order.walletId);
  if (wallet === undefined) return refuse("WALLET_UNKNOWN", `this holder has no key of wallet ${order.walletId}`);

  const decodes = decodePayout(order.psbt, wallet.descriptor, {
    gapLimit: wallet.gapLimit,
    indexLimit: INDEX_LIMIT,
  });
  if (!decodes.ok) return refuse(decodes.refusal.code, decodes.refusal.detail);
  const decoded = decodes.value;
  if (decoded.txid !== order.transactionId) return refuse("TRANSACTION_OTHER", `these bytes are ${decoded.txid}`);

  const due: Due[] = [];
  for (const { withdrawalId, clearance } of order.withdrawals) {
    const cleared = verifyClearance(trust, clearance);
    if (!cleared.ok) return refuse(cleared.refusal.code, `${withdrawalId}: ${cleared.refusal.detail}`);
    if (cleared.value.request.id !== withdrawalId) return refuse("CLEARANCE_OTHER", `${withdrawalId} has another's`);
    if (due.some((earlier) => earlier.withdrawalId === withdrawalId))
      return refuse("WITHDRAWAL_DUPLICATE", withdrawalId);
    const payment = duePayment(cleared.value, wallet.descriptor.network, wallets);
    if (!payment.ok) return payment;
    due.push(payment.value);
  }
  const fault = due.length === 0 ? findInternalFault(decoded, caps.internal) : findPayoutFault(decoded, due, caps);
  if (fault !== null) return fault;
  return ok({ wallet, decoded, intent: intentOf(order, decoded), cleared: due });
}

function findPayoutFault(decoded: DecodedPayout, due: readonly Due[], caps: Caps): Result<never, HolderRefusal> | null {
  const mismatch = findMismatch(decoded, due);
  if (mismatch !== null) return mismatch;
  const largest = due.find(({ amountSat }) => amountSat > caps.maxPaymentSat);
  if (largest !== undefined) return refuse("PAYMENT_OVER_CAP", `${largest.withdrawalId}: ${largest.amountSat} sat`);
  const fee = findFeeFault(decoded, caps);
  if (fee !== null) return fee;
  const { feeSat } = decoded;
  const paymentSat = due.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  if (feeSat * 100n > paymentSat * BigInt(caps.maxFeePercent)) {
    return refuse("FEE_PERCENT_OVER_CAP", `${feeSat} sat for payments of ${paymentSat} sat`);
  }
  return null;
}

/** Nothing leaves the wallet but the fee, so no clearance says anything of it: what it may cost is this holder's own cap. */
function findInternalFault(
  decoded: DecodedPayout,
  caps: InternalCaps | undefined,
): Result<never, HolderRefusal> | null {
  if (caps === undefined) return refuse("INTERNAL_NOT_ALLOWED", "this holder signs no internal transfers");
  const { payments, own, change } = decoded;
  const [payment] = payments;
  if (payment !== undefined) return refuse("PAYMENT_UNMATCHED", `output ${payment.index} is what no clearance says`);
  if (own.length > 0) return refuse("OWN_BRANCH_OUTPUT", "an output goes to the wallet's receiving branch");
  const indexes = new Set(change.map(({ pathIndex }) => pathIndex));
  if (change.length > caps.maxOutputs || indexes.size < change.length) {
    return refuse("INTERNAL_OUTPUTS", `${change.length} outputs to ${indexes.size} addresses`);
  }
  return findFeeFault(decoded, caps);
}

function findFeeFault(
  { feeSat, vbytes }: DecodedPayout,
  caps: Pick<Caps, "maxFeeSat" | "maxFeeRateSatPerKvbyte">,
): Result<never, HolderRefusal> | null {
  if (feeSat > caps.maxFeeSat) return refuse("FEE_OVER_CAP", `${feeSat} sat`);
  if (feeSat * 1000n <= caps.maxFeeRateSatPerKvbyte * BigInt(vbytes)) return null;
  return refuse("FEE_RATE_OVER_CAP", `${feeSat} sat for ${vbytes} vbytes`);
}

/** Only of withdrawals that were never signed: once a signature exists, the chain ends them and not the clock. */
export function judgeAge(
  unsigned: readonly Pick<Cleared, "withdrawalId" | "clearedAtMs">[],
  { maxClearanceAgeMs }: Caps,
  nowMs: number,
): Result<null, HolderRefusal> {
  const old = unsigned.find(({ clearedAtMs }) => nowMs - clearedAtMs > maxClearanceAgeMs);
  if (old !== undefined) return refuse("CLEARANCE_EXPIRED", old.withdrawalId);
  const early = unsigned.find(({ clearedAtMs }) => clearedAtMs - nowMs > maxClearanceAgeMs);
  return early === undefined ? ok(null) : refuse("CLEARANCE_FROM_FUTURE", early.withdrawalId);
}

/**
 * For what was signed before it is enough that people once approved exactly this: a key that is revoked since, and time,
 * change nothing of that. It is asked again all the same, since the journal does not say which amount it was.
 */
export function judgeApproved(
  cleared: readonly Cleared[],
  { approvals, maxClearanceAgeMs }: Caps,
  wasSigned: (withdrawalId: string) => boolean,
  nowMs: number,
): Result<null, HolderRefusal> {
  if (approvals === undefined) return ok(null);
  for (const { withdrawalId, clearance, amountSat } of cleared) {
    const before = wasSigned(withdrawalId);
    const rules = before ? asListed(approvals) : approvals;
    const maxAgeMs = before ? Number.POSITIVE_INFINITY : maxClearanceAgeMs;
    const refused = judgeApprovals(rules, clearance, amountSat, { nowMs, seenAtMs: nowMs, maxAgeMs });
    if (refused !== null) return refuse(refused.code, `${withdrawalId}: ${refused.detail}`);
  }
  return ok(null);
}

/** What a clearance says is to be paid, as the output that has to be there. */
type Due = Cleared & { readonly scriptPubKey: Buffer };

/** Wallets pay strangers and never each other: what moves between them is no withdrawal. */
function duePayment(
  clearance: Clearance,
  network: Wallet["descriptor"]["network"],
  wallets: HolderPolicy["wallets"],
): Result<Due, HolderRefusal> {
  const { request, clearedAtMs } = clearance;
  const asset = parseAsset(request.asset);
  if (!asset.ok) return refuse(asset.refusal.code, `${request.id}: ${asset.refusal.detail}`);
  const amount = parseAmount(request.amount, asset.value);
  if (!amount.ok) return refuse(amount.refusal.code, `${request.id}: ${amount.refusal.detail}`);
  const address = parseAddress(network, request.address);
  if (!address.ok) return refuse(address.refusal.code, `${request.id}: ${address.refusal.detail}`);
  const { scriptPubKey } = address.value;
  for (const { descriptor, gapLimit } of wallets.values()) {
    if (findScript(descriptor, scriptPubKey, gapLimit) !== null) return refuse("PAYMENT_TO_OWN_WALLET", request.id);
  }
  const amountSat = amount.value;
  return ok({ withdrawalId: request.id, clearance, clearedAtMs, scriptPubKey: Buffer.from(scriptPubKey), amountSat });
}

/** Every output to a foreign script is exactly one clearance's, and every clearance has exactly one. */
function findMismatch(decoded: DecodedPayout, due: readonly Due[]): Result<never, HolderRefusal> | null {
  if (decoded.own.length > 0) return refuse("OWN_BRANCH_OUTPUT", "an output goes to the wallet's receiving branch");
  if (decoded.change.length > 1) return refuse("CHANGE_SPLIT", "the change goes to more than one output");
  const open = [...due];
  const unmatched: DecodedPayment[] = [];
  for (const payment of decoded.payments) {
    const { scriptPubKey, amountSat } = payment;
    const at = open.findIndex((one) => one.amountSat === amountSat && one.scriptPubKey.equals(scriptPubKey));
    if (at < 0) unmatched.push(payment);
    else open.splice(at, 1);
  }
  const stranger = unmatched.find(({ scriptPubKey }) => !open.some((one) => one.scriptPubKey.equals(scriptPubKey)));
  if (stranger !== undefined) return refuse("PAYMENT_UNMATCHED", `output ${stranger.index} is what no clearance says`);
  const [wrong] = unmatched;
  if (wrong !== undefined) return refuse("PAYMENT_AMOUNT", `output ${wrong.index} pays ${wrong.amountSat} sat`);
  const [missing] = open;
  return missing === undefined ? null : refuse("PAYMENT_MISSING", `nothing pays ${missing.withdrawalId}`);
}

function intentOf({ taskId, walletId, withdrawals }: Order, { txid, inputs }: DecodedPayout): SigningIntent {
  return {
    taskId,
    walletId,
    transactionId: txid,
    inputs: inputs.map(({ outpoint }) => outpoint),
    withdrawals: withdrawals.map(({ withdrawalId, anchor }) => ({ withdrawalId, anchor })),
  };
}

function refuse(code: string, reason: string): Result<never, HolderRefusal> {
  return refused({ code, reason });
}
