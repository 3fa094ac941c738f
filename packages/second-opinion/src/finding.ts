// What the offline verdict finds, and how a report says it.
import type { MessageOf } from "@sluice/contracts";

/** About one withdrawal where it is that one's own fault; `withdrawalId` is empty where it is the task's. */
export type OfflineFinding = {
  readonly withdrawalId: string;
  readonly rule: string;
  readonly reason: string;
  readonly evidence: Readonly<Record<string, string>>;
};

export function finding(
  withdrawalId: string,
  rule: string,
  reason: string,
  evidence: OfflineFinding["evidence"] = {},
): OfflineFinding {
  return { withdrawalId, rule, reason, evidence };
}

type Verdict = MessageOf<"risk.reported.v1">["verdict"];
type About = Extract<Verdict, { readonly case: "refused" }>["value"]["findings"];

export function aboutWithdrawals(findings: readonly OfflineFinding[], verdict: "delay" | "refuse"): About {
  return findings.map(({ withdrawalId, rule, reason, evidence }) => ({
    withdrawalId,
    finding: { rule, verdict, reason, evidence },
  }));
}
