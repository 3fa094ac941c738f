// Approvals again, in this zone: by its own tiers and its own list of people, from what each of them signed.
import { type ApprovalTimes, judgeApprovals } from "@sluice/contracts";
import { finding, type OfflineFinding } from "./finding.ts";
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
