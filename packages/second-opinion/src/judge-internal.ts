// The verdict on a transaction that pays nobody: every output is the wallet's own change, and what it costs is bounded.
import { finding, type OfflineFinding } from "./finding.ts";
import { findStrayIndex } from "./judge-indexes.ts";
import { type Barrier, judgeBarriers } from "./judge-limits.ts";
import { judgeSuspensions } from "./judge-suspensions.ts";
import type { ReadTask } from "./judge-task.ts";
import { exceededBy, velocityBarriers } from "./judge-velocity.ts";
import type { History, Judgement, Refusal } from "./judgement.ts";
import type { Policy } from "./policy.ts";

/** The checks run in order; the first that finds something decides. What no payment bounds, limits of its own do. */
export function judgeInternal(
  read: Pick<ReadTask, "wallet" | "wallets" | "decoded">,
  policy: Policy,
  history: History,
  nowMs: number,
): Judgement {
  const { internal } = policy;
  if (internal === undefined) return refuse("INTERNAL_NOT_ALLOWED", "this wallet's policy knows no internal transfers");
  const { decoded } = read;
  const [payment] = decoded.payments;
  if (payment !== undefined) {
    return refuse("PAYMENT_UNMATCHED", `output ${payment.index} leaves the wallet, and no clearance says so`);
  }
  if (decoded.own.length > 0) return refuse("OWN_BRANCH_OUTPUT", "an output goes to the wallet's receiving branch");
  const stray = findStrayIndex(read, decoded, [], history);
  if (stray !== null) return stray;
  const { change, feeSat, vbytes } = decoded;
  if (change.length > internal.maxOutputs) {
    return refuse("INTERNAL_OUTPUTS", `${change.length} outputs are over ${internal.maxOutputs}`);
  }
  if (new Set(change.map(({ pathIndex }) => pathIndex)).size < change.length) {
    return refuse("INTERNAL_OUTPUTS", "two outputs go to one address");
  }
  // Nothing is replaced: whatever spends an input already is another transaction, and may have to confirm.
  const [spender] = history.spenders;
  if (spender !== undefined) {
    const evidence = { taskId: spender.taskId, transactionId: spender.txid };
    return refuse("INPUT_IN_USE", "an input belongs to another transaction", evidence);
  }
  const evidence = { feeSat: String(feeSat), vbytes: String(vbytes) };
  const maxRate = internal.maxFeeRateSatPerVbyte;
  if (feeSat > internal.maxFeeSat)
    return refuse("FEE_OVER_ABSOLUTE_CAP", `over ${internal.maxFeeSat} satoshi`, evidence);
  if (feeSat * 1000n > maxRate * BigInt(vbytes)) {
    return refuse("FEE_OVER_RATE_CAP", `over ${maxRate} satoshi per 1000 vbytes`, evidence);
  }
  if (feeSat * 1000n < policy.minFeeRateSatPerKvbyte * BigInt(vbytes)) {
    return refuse("FEE_TOO_LOW", `under ${policy.minFeeRateSatPerKvbyte} satoshi per 1000 vbytes`, evidence);
  }
  const suspended = judgeSuspensions({ wallet: read.wallet, due: [] }, history, nowMs);
  if (suspended !== null) return suspended;
  const candidate = { atMs: nowMs, amountMinor: feeSat };
  const barriers: readonly Barrier[] = [
    ...exceededBy("", "INTERNAL_VELOCITY", internal.windows, history.internalFees, candidate),
    ...velocityBarriers(decoded, [], policy, history, nowMs, null),
  ];
  return judgeBarriers(barriers, nowMs);
}

function refuse(rule: string, reason: string, evidence: OfflineFinding["evidence"] = {}): Refusal {
  return { kind: "refuse", findings: [finding("", rule, reason, evidence)] };
}
