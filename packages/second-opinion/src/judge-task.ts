// Step 5: the offline verdict on one task. Pure: everything it may know is passed in. The checks are a flat run in order
// of precedence; the first that finds something decides, and each finding has its own code. No check, no signature.
import { type DecodedPayout, decodePayout, findScript, INDEX_LIMIT, parseAddress, type Wallet } from "@sluice/chains";
import { type Clearance, type ClearanceRefusal, type MessageOf, type Trust, verifyClearance } from "@sluice/contracts";
import { parseAmount, parseAsset } from "@sluice/core";
import { finding, type OfflineFinding } from "./finding.ts";
import { approvalFinding } from "./judge-approvals.ts";
import { findStrayIndex, PAYS_ITSELF } from "./judge-indexes.ts";
import { judgeInternal } from "./judge-internal.ts";
import { labelFinding } from "./judge-labels.ts";
import { judgeLimits } from "./judge-limits.ts";
import { originFinding } from "./judge-origin.ts";
import { judgeSuspensions } from "./judge-suspensions.ts";
import type { Due, History, Judgement, Refusal } from "./judgement.ts";
import type { Policy } from "./policy.ts";

export type Task = MessageOf<"signing.requested.v1">;

/** What is found by reading alone, before anything is asked of the memory. */
export type ReadTask = {
  readonly wallet: Wallet;
  /** All that this zone knows: none of them is ever a destination. */
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly decoded: DecodedPayout;
  readonly due: readonly Due[];
};

/** Whom the task would have paid: all of them or, when a seal does not hold, nobody. The txid is empty if unreadable. */
export type ReadSoFar = {
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[];
  readonly txid: string;
};

/** Signatures add up to two fifths to a PSBT, and the signed one has to cross the bridge too: two thirds of 1 MiB. */
export const MAX_TASK_BYTES = 699_050;

/** Reads seals and bytes. A refusal names every withdrawal that is at fault by the same check. */
export function readTask(
  task: Task,
  around: { readonly trust: Trust; readonly wallets: ReadonlyMap<string, Wallet> },
): { readonly kind: "read"; readonly read: ReadTask } | (Refusal & ReadSoFar) {
  const nothing = { withdrawals: [], txid: "" };
  const size = task.withdrawals.reduce((sum, { clearance }) => sum + clearance.length, task.psbt.length);
  if (size > MAX_TASK_BYTES) {
    return { ...refuse("TASK_TOO_LARGE", `${size} bytes are over ${MAX_TASK_BYTES}`), ...nothing };
  }
  const wallet = around.wallets.get(task.walletId);
  if (wallet === undefined) return { ...refuse("WALLET_UNKNOWN", `there is no wallet ${task.walletId}`), ...nothing };
  const clearances = task.withdrawals.map(({ clearance, attempt }) => ({
    attempt,
    verified: verifyClearance(around.trust, clearance),
  }));
  const broken = clearances.flatMap(({ verified }) => (verified.ok ? [] : [verified.refusal]));
  if (broken.length > 0) return { ...refuseClearances(broken), ...nothing };
  const verified = clearances.flatMap(({ attempt, verified: v }) => (v.ok ? [{ attempt, clearance: v.value }] : []));
  const ids = verified.map(({ clearance }) => clearance.request.id);
  const repeated = ids.find((id, at) => ids.indexOf(id) !== at);
  if (repeated !== undefined) {
    return { ...refuse("DUPLICATE_WITHDRAWAL", `${repeated} stands in the task twice`), ...nothing };
  }
  const withdrawals = verified.map(({ clearance, attempt }) => ({ withdrawalId: clearance.request.id, attempt }));
  const decodes = decodePayout(task.psbt, wallet.descriptor, { gapLimit: wallet.gapLimit, indexLimit: INDEX_LIMIT });
  if (!decodes.ok) return { ...refuse(decodes.refusal.code, decodes.refusal.detail), withdrawals, txid: "" };
  const decoded = decodes.value;
  const { wallets } = around;
  const dues = verified.map(({ clearance, attempt }) => readDue(clearance, attempt, wallet, wallets));
  const unreadable = dues.flatMap((due) => ("rule" in due ? [due] : []));
  if (unreadable.length > 0) return { kind: "refuse", findings: unreadable, withdrawals, txid: decoded.txid };
  const due = dues.flatMap((each) => ("rule" in each ? [] : [each]));
  return { kind: "read", read: { wallet, wallets, decoded, due } };
}

/** Judges what was read against limits, labels and memory. */
export function judgeTask(read: ReadTask, policy: Policy, history: History, nowMs: number): Judgement {
  const { decoded, due } = read;
  // By its own message a task without withdrawals is an internal transfer, and no other is.
  if (due.length === 0) return judgeInternal(read, policy, history, nowMs);
  const mismatch = findMismatch(decoded, due) ?? findStrayIndex(read, decoded, due, history);
  if (mismatch !== null) return mismatch;
  const labelled = due.flatMap((each) => labelFinding(each, policy, history));
  if (labelled.length > 0) return { kind: "refuse", findings: labelled };
  const conflict = findConflict(decoded, due, history);
  if (conflict !== null) return conflict;
  const changed = due.filter((each) => isOther(each, history));
  if (changed.length > 0)
    return refuseEach(changed, "WITHDRAWAL_CHANGED", "ordered before for another amount or address");
  // One that was ordered before was judged then; once a signature may exist, only the chain ends it.
  const fresh = due.filter(({ withdrawalId }) => !history.paid.has(withdrawalId));
  // Age counts to the first judgement: what waits here, for time or for people, does not grow old by that.
  const seenAtMs = Math.min(nowMs, history.firstJudgedAtMs);
  const expired = fresh.filter(({ clearance }) => seenAtMs - clearance.clearedAtMs > policy.maxClearanceAgeMs);
  if (expired.length > 0) return refuseEach(expired, "CLEARANCE_EXPIRED", "the clearance is too old");
  const early = fresh.filter(({ clearance }) => clearance.clearedAtMs > nowMs + policy.maxClearanceAgeMs);
  if (early.length > 0) return refuseEach(early, "CLEARANCE_FROM_FUTURE", "the clearance is from the future");
  const large = due.filter(({ amountSat }) => amountSat > policy.maxPaymentSat);
  if (large.length > 0) return refuseEach(large, "OVER_PAYMENT_LIMIT", `more than ${policy.maxPaymentSat} satoshi`);
  const overOrigin = fresh.flatMap((each) => originFinding(each, policy));
  if (overOrigin.length > 0) return { kind: "refuse", findings: overOrigin };
  const fee = findFee(decoded, due, policy);
  if (fee !== null) return fee;
  const unapproved = fresh.flatMap((each) => approvalFinding(each, policy, { nowMs, seenAtMs }));
  if (unapproved.length > 0) return { kind: "refuse", findings: unapproved };
  const vetoed = fresh.flatMap((each) => vetoFinding(each, history));
  if (vetoed.length > 0) return { kind: "refuse", findings: vetoed };
  const suspended = judgeSuspensions(read, history, nowMs);
  if (suspended !== null) return suspended;
  return judgeLimits(decoded, fresh, policy, history, nowMs, outflowAnchorOf(due, { decoded }, history));
}

/** The outpoint that every transaction for a withdrawal has to spend: named once, by its first one. */
export function anchorOf(
  withdrawalId: string,
  { decoded }: { readonly decoded: Spending },
  history: Pick<History, "paid">,
): string {
  const anchor = history.paid.get(withdrawalId)?.anchor ?? decoded.inputs[0]?.outpoint;
  if (anchor === undefined) throw new Error("a decoded payout has an input");
  return anchor;
}

/** Under which outpoint a transaction's versions are known: it spends the anchors of all whom it pays, so the first will do. */
export function outflowAnchorOf(
  due: readonly Pick<Due, "withdrawalId">[],
  read: { readonly decoded: Spending },
  history: Pick<History, "paid">,
): string | null {
  const [first] = due.map(({ withdrawalId }) => anchorOf(withdrawalId, read, history)).toSorted();
  return first ?? null;
}

function refuseClearances(refusals: readonly ClearanceRefusal[]): Refusal {
  // Without a valid seal it is not known which withdrawal it is about.
  return { kind: "refuse", findings: refusals.map(({ code, detail }) => finding("", code, detail)) };
}

function readDue(
  clearance: Clearance,
  attempt: number,
  { descriptor: { network } }: Wallet,
  wallets: ReadonlyMap<string, Wallet>,
): Due | OfflineFinding {
  const { id, account, asset, amount, address } = clearance.request;
  const known = parseAsset(asset);
  if (!known.ok) return finding(id, known.refusal.code, known.refusal.detail);
  const amountSat = parseAmount(amount, known.value);
  if (!amountSat.ok) return finding(id, amountSat.refusal.code, amountSat.refusal.detail);
  const script = parseAddress(network, address);
  if (!script.ok) return finding(id, script.refusal.code, script.refusal.detail);
  const { scriptPubKey } = script.value;
  for (const { descriptor, gapLimit } of wallets.values()) {
    if (findScript(descriptor, scriptPubKey, gapLimit) === null) continue;
    return finding(id, "PAYMENT_TO_OWN_WALLET", PAYS_ITSELF);
  }
  const scriptHex = Buffer.from(scriptPubKey).toString("hex");
  return { withdrawalId: id, attempt, account, scriptHex, amountSat: amountSat.value, clearance };
}

/** Every foreign output is exactly one clearance's, and every clearance has exactly one. */
function findMismatch(decoded: DecodedPayout, due: readonly Due[]): Refusal | null {
  if (decoded.own.length > 0) return refuse("OWN_BRANCH_OUTPUT", "an output goes to the wallet's receiving branch");
  if (decoded.change.length > 1) return refuse("CHANGE_SPLIT", "the change goes to more than one output");
  const open = [...due];
  const strangers = decoded.payments.flatMap(({ index, scriptPubKey, amountSat }) => {
    const scriptHex = Buffer.from(scriptPubKey).toString("hex");
    const at = open.findIndex((each) => each.scriptHex === scriptHex && each.amountSat === amountSat);
    if (at >= 0) open.splice(at, 1);
    return at >= 0 ? [] : [{ index, scriptHex, amountSat }];
  });
  const foreign = strangers.filter(({ scriptHex }) => !open.some((each) => each.scriptHex === scriptHex));
  if (foreign.length > 0) {
    const outputs = foreign.map(({ index }) => index).join(", ");
    return refuse("PAYMENT_UNMATCHED", `what outputs ${outputs} pay is what no clearance says`);
  }
  const [wrong] = strangers;
  if (wrong !== undefined) {
    return refuse(
      "PAYMENT_AMOUNT",
      `output ${wrong.index} pays ${wrong.amountSat} satoshi, which is not what is cleared`,
    );
  }
  if (open.length === 0) return null;
  return refuse("PAYMENT_MISSING", `nothing pays ${open.map(({ withdrawalId }) => withdrawalId).join(", ")}`);
}

/** All that the conflict rule looks at of a transaction and of whom it pays. */
export type Spending = Pick<DecodedPayout, "txid"> & { readonly inputs: readonly { readonly outpoint: string }[] };
type Paying = readonly Pick<Due, "withdrawalId">[];

/** Whatever passes conflicts on chain with all that was ever ordered for one of the same withdrawals. */
export function findConflict(
  decoded: Spending,
  due: Paying,
  history: Pick<History, "paid" | "spenders">,
): Refusal | null {
  return findPaid(decoded, due, history) ?? findTaken(decoded, due, history);
}

/** A withdrawal that was ever ordered may only be ordered again in a transaction that spends its anchor. */
function findPaid(decoded: Spending, due: Paying, { paid }: Pick<History, "paid">): Refusal | null {
  const inputs = new Set(decoded.inputs.map(({ outpoint }) => outpoint));
  const findings = due.flatMap(({ withdrawalId }) => {
    const earlier = paid.get(withdrawalId);
    if (earlier === undefined || earlier.txid === decoded.txid || inputs.has(earlier.anchor)) return [];
    const evidence = { taskId: earlier.taskId, transactionId: earlier.txid, anchor: earlier.anchor };
    return [
      finding(
        "",
        "ALREADY_PAID",
        `${withdrawalId} was ordered in a transaction that this one does not conflict with`,
        evidence,
      ),
    ];
  });
  return findings.length === 0 ? null : { kind: "refuse", findings };
}

/**
 * An input is spent again only to replace a transaction, and that pays one of the same withdrawals; or beside an anchor of its
 * own, when a signed version of what spends it does without it, as when that one confirmed (ADR 18). An anchor is never shared.
 */
function findTaken(decoded: Spending, due: Paying, history: Pick<History, "paid" | "spenders">): Refusal | null {
  const { spenders } = history;
  const ids = new Set(due.map(({ withdrawalId }) => withdrawalId));
  const anchors = new Set(due.map(({ withdrawalId }) => anchorOf(withdrawalId, { decoded }, history)));
  const stranger = spenders.find(
    ({ withdrawalIds, spared }) =>
      !withdrawalIds.some((id) => ids.has(id)) &&
      (ids.size === 0 ||
        withdrawalIds.length === 0 ||
        !spared?.length ||
        spared.some((outpoint) => anchors.has(outpoint))),
  );
  if (stranger !== undefined) {
    const evidence = { taskId: stranger.taskId, transactionId: stranger.txid };
    return refuse("INPUT_IN_USE", "an input belongs to a transaction for other withdrawals", evidence);
  }
  const others = spenders.find(
    ({ txid, withdrawalIds }) =>
      txid === decoded.txid && (withdrawalIds.length !== ids.size || !withdrawalIds.every((id) => ids.has(id))),
  );
  if (others === undefined) return null;
  const reason = "this very transaction was ordered for other withdrawals";
  return refuse("TRANSACTION_FOR_OTHERS", reason, { taskId: others.taskId });
}

/** Its versions skip what was judged with the first, so they have to be the same payment: an id is one body's for ever. */
function isOther({ withdrawalId, scriptHex, amountSat }: Due, { paid }: Pick<History, "paid">): boolean {
  const earlier = paid.get(withdrawalId);
  return earlier !== undefined && (earlier.scriptHex !== scriptHex || earlier.amountSat !== amountSat);
}

/** The three caps hold together: the strictest of them decides. */
function findFee(decoded: DecodedPayout, due: readonly Due[], policy: Policy): Refusal | null {
  const { feeSat, vbytes } = decoded;
  const evidence = { feeSat: String(feeSat), vbytes: String(vbytes) };
  const rateAbove = (satPerKvbyte: bigint) => feeSat * 1000n > satPerKvbyte * BigInt(vbytes);
  const rateBelow = (satPerKvbyte: bigint) => feeSat * 1000n < satPerKvbyte * BigInt(vbytes);
  if (feeSat > policy.maxFeeSat) return refuse("FEE_OVER_ABSOLUTE_CAP", `over ${policy.maxFeeSat} satoshi`, evidence);
  if (rateAbove(policy.maxFeeRateSatPerKvbyte)) {
    return refuse("FEE_OVER_RATE_CAP", `over ${policy.maxFeeRateSatPerKvbyte} satoshi per 1000 vbytes`, evidence);
  }
  const paymentSat = due.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  if (feeSat * 100n > paymentSat * BigInt(policy.maxFeePercent)) {
    return refuse("FEE_OVER_PERCENT_CAP", `over ${policy.maxFeePercent} percent of the payments`, evidence);
  }
  if (rateBelow(policy.minFeeRateSatPerKvbyte)) {
    return refuse("FEE_TOO_LOW", `under ${policy.minFeeRateSatPerKvbyte} satoshi per 1000 vbytes`, evidence);
  }
  return null;
}

function vetoFinding({ withdrawalId }: Due, { deliberations }: History): readonly OfflineFinding[] {
  const veto = deliberations.get(withdrawalId)?.veto ?? null;
  if (veto === null) return [];
  const { person, via, reason } = veto;
  const said = reason === "" ? "" : `: ${reason}`;
  return [finding(withdrawalId, "VETOED", `${person} said no at the console of ${via}${said}`, { person, via })];
}

function refuseEach(due: readonly Due[], rule: string, reason: string): Refusal {
  return { kind: "refuse", findings: due.map(({ withdrawalId }) => finding(withdrawalId, rule, reason)) };
}

function refuse(rule: string, reason: string, evidence: OfflineFinding["evidence"] = {}): Refusal {
  return { kind: "refuse", findings: [finding("", rule, reason, evidence)] };
}
