// What the offline verdict finds.

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
