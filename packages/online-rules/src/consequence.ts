// How a rule on behaviour speaks: clear with a reason, or against it with what the policy has for that.
import type { Finding } from "@sluice/core";
import type { Consequence } from "./behaviour-policy.ts";

export type Found = Omit<Finding, "rule">;
type Evidence = Readonly<Record<string, string | number | bigint>>;

export function fine(reason: string, evidence: Evidence = {}): Found {
  return { verdict: { kind: "clear" }, reason, evidence: texts(evidence) };
}

/** A delay runs from when the withdrawal was received, so that being judged again does not make it longer. */
export function against(
  action: Consequence,
  receivedAtMs: number,
  nowMs: number,
  reason: string,
  evidence: Evidence,
): Found {
  const found = { reason, evidence: texts(evidence) };
  if (action === "reject") return { ...found, verdict: { kind: "reject" } };
  if ("approvals" in action) return { ...found, verdict: { kind: "hold", approvals: action.approvals } };
  const untilMs = receivedAtMs + action.delayMs;
  if (untilMs <= nowMs) return { ...found, verdict: { kind: "clear" }, reason: `${reason} It has waited for that.` };
  return { ...found, verdict: { kind: "delay", untilMs } };
}

function texts(evidence: Evidence): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(evidence).map(([name, value]) => [name, String(value)]));
}
