// The tiers of amounts that people have to approve whatever else is found: the semi-offline zone asks for the same again.
import { type Finding, formatAmount } from "@sluice/core";
import type { PolicyFile } from "./policy.ts";

type Found = Omit<Finding, "rule">;

/** Null while no tier holds by itself. */
export function amountTier(
  { approvalTiers }: { readonly approvalTiers: PolicyFile["approvalTiers"] },
  { amountMinor }: { readonly amountMinor: bigint },
): Found | null {
  const holding = approvalTiers.filter(({ always }) => always === true);
  if (holding.length === 0) return null;
  const amount = formatAmount(amountMinor, "BTC");
  const above = holding.filter(({ aboveMinor }) => amountMinor > aboveMinor);
  const [strictest] = above.toSorted((left, right) => right.approvals - left.approvals);
  if (strictest === undefined) {
    return { verdict: { kind: "clear" }, reason: `${amount} is nothing that people have to approve.`, evidence: {} };
  }
  const { aboveMinor, approvals } = strictest;
  const people = approvals === 1 ? "a person has" : `${approvals} people have`;
  return {
    verdict: { kind: "hold", approvals },
    reason: `${amount} is above ${formatAmount(aboveMinor, "BTC")}: ${people} to approve it.`,
    evidence: { amountMinor: String(amountMinor), aboveMinor: String(aboveMinor), approvals: String(approvals) },
  };
}
