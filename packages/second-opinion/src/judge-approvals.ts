// Approvals again, in this zone: by its own tiers and its own list of people, from what each of them signed.
import { type ApprovalTimes, judgeApprovals } from "@sluice/contracts";
import { finding, type OfflineFinding } from "./finding.ts";
import type { ReadTask } from "./judge-task.ts";
import type { Due } from "./judgement.ts";
import type { Policy } from "./policy.ts";

/** An approval may be as old as a clearance. */
export function approvalFinding(
  { withdrawalId, clearance, amountSat }: Due,
  { approvals, maxClearanceAgeMs }: Policy,
  times: Omit<ApprovalTimes, "maxAgeMs">,
): readonly OfflineFinding[] {
  const refused = judgeApprovals(approvals, clearance, amountSat, { ...times, maxAgeMs: maxClearanceAgeMs });
  return refused === null ? [] : [finding(withdrawalId, refused.code, refused.detail, refused.evidence)];
}

/**
 * Of what was judged and no holder has heard of: whether the bundle in force now still counts as many. How old each was is
 * behind it, and what was ordered in another task before is not asked again.
 */
export function isStillApproved(
  { due }: Pick<ReadTask, "due">,
  policy: Policy,
  orderedBefore: ReadonlySet<string>,
  nowMs: number,
): boolean {
  const times = { nowMs, seenAtMs: Number.NEGATIVE_INFINITY };
  const fresh = due.filter(({ withdrawalId }) => !orderedBefore.has(withdrawalId));
  return fresh.every((each) => approvalFinding(each, policy, times).length === 0);
}
