// Before anything else: is there a bundle to judge by, and is it new enough? If not, everything waits for one.
import type { Bundle } from "./bundle.ts";
import { finding } from "./finding.ts";
import type { Judgement } from "./judgement.ts";

/** How long a report says that the wait lasts; it goes on by itself as soon as a bundle is there. */
export const BUNDLE_ASKED_AGAIN_MS = 60 * 60 * 1_000;

export type BundleFound =
  | { readonly ok: true; readonly bundle: Bundle }
  /** There is none, or the one on record does not verify any more. */
  | { readonly ok: false; readonly detail: string };

export function judgeBundle(
  found: BundleFound,
  nowMs: number,
): { readonly ok: true; readonly bundle: Bundle } | { readonly ok: false; readonly judgement: Judgement } {
  if (!found.ok) return wait("BUNDLE_UNAVAILABLE", found.detail, {}, nowMs);
  const { version, madeAtMs, policy } = found.bundle;
  const ageMs = nowMs - madeAtMs;
  if (ageMs <= policy.maxBundleAgeMs) return found;
  const evidence = { version: String(version), ageMs: String(ageMs), maxAgeMs: String(policy.maxBundleAgeMs) };
  return wait("BUNDLE_TOO_OLD", "the bundle in force is older than it may be", evidence, nowMs);
}

/** Something went wrong inside: nothing is known, so nothing is signed. */
export function judgementFailed(error: unknown, nowMs: number): Judgement {
  const reason = error instanceof Error ? error.message : String(error);
  return waitFor("JUDGEMENT_FAILED", reason.slice(0, 500), {}, nowMs + FAILED_AGAIN_MS);
}

const FAILED_AGAIN_MS = 60_000;

function wait(rule: string, reason: string, evidence: Readonly<Record<string, string>>, nowMs: number) {
  return { ok: false as const, judgement: waitFor(rule, reason, evidence, nowMs + BUNDLE_ASKED_AGAIN_MS) };
}

function waitFor(rule: string, reason: string, evidence: Readonly<Record<string, string>>, untilMs: number): Judgement {
  return { kind: "delay", untilMs, findings: [finding("", rule, reason, evidence)], deliberated: [] };
}
