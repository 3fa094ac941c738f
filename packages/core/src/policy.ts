// Policy: findings of rules, and the verdict that follows from them, online and offline. Unknown never approves.
import { unreachable } from "./result.ts";

/** What online-risk decides: clear < delay until < hold for approvals < reject, in rising strictness. */
export type RiskVerdict =
  | { readonly kind: "clear" }
  | { readonly kind: "delay"; readonly untilMs: number }
  | { readonly kind: "hold"; readonly approvals: number }
  | { readonly kind: "reject" };

/** What one rule found. Every rule that was asked gives one, also when it has nothing against the withdrawal. */
export type Finding = {
  /** UPPER_SNAKE name of the rule. */
  readonly rule: string;
  readonly verdict: RiskVerdict;
  /** One sentence for the person who reads it. */
  readonly reason: string;
  readonly evidence: Readonly<Record<string, string>>;
};

/** What semi-offline-risk decides about one transaction. There is no approving default. */
export type SigningVerdict =
  | { readonly kind: "sign" }
  | { readonly kind: "delay"; readonly untilMs: number; readonly findings: readonly Finding[] }
  | { readonly kind: "refuse"; readonly findings: readonly Finding[] };

/** The strictest verdict of all findings. No finding at all means that no rule was asked: a person has to look. */
export function strictest(findings: readonly Finding[]): RiskVerdict {
  const [first, ...rest] = findings;
  if (first === undefined) return { kind: "hold", approvals: 1 };
  return rest.reduce((verdict, finding) => stricter(verdict, finding.verdict), sound(first.verdict));
}

/** The stricter of two verdicts; of two delays the longer, of two holds the one with more approvals. */
export function stricter(left: RiskVerdict, right: RiskVerdict): RiskVerdict {
  const a = sound(left);
  const b = sound(right);
  if (a.kind === "delay" && b.kind === "delay") return a.untilMs >= b.untilMs ? a : b;
  if (a.kind === "hold" && b.kind === "hold") return a.approvals >= b.approvals ? a : b;
  return STRICTNESS[a.kind] >= STRICTNESS[b.kind] ? a : b;
}

/** The latest end of all delays among the findings, in epoch milliseconds, or null when none delays. */
export function latestDelayMs(findings: readonly Finding[]): number | null {
  const ends = findings.flatMap(({ verdict }) => (verdict.kind === "delay" ? [verdict.untilMs] : []));
  return ends.length === 0 ? null : Math.max(...ends);
}

/**
 * The offline verdict. It signs only when every demanded rule answered and every finding is clear. Offline no person
 * approves, so a hold refuses.
 */
export function signingVerdict(findings: readonly Finding[], demandedRules: readonly string[]): SigningVerdict {
  const unanswered = demandedRules.filter((rule) => !findings.some((finding) => finding.rule === rule));
  const all = [...findings, ...unanswered.map(noAnswer)];
  if (all.length === 0) return { kind: "refuse", findings: [noAnswer("ANY_RULE")] };
  const against = all.filter(({ verdict }) => sound(verdict).kind !== "clear");
  const verdict = strictest(all);
  switch (verdict.kind) {
    case "clear":
      return { kind: "sign" };
    case "delay":
      return { kind: "delay", untilMs: verdict.untilMs, findings: against };
    case "hold":
    case "reject":
      return { kind: "refuse", findings: against };
    default:
      return unreachable(verdict);
  }
}

/** True for a verdict to sign and for nothing else, also when the value comes from bytes and its type is only hoped for. */
export function permitsSigning(verdict: SigningVerdict | null | undefined): verdict is { readonly kind: "sign" } {
  return verdict?.kind === "sign";
}

const STRICTNESS: Readonly<Record<RiskVerdict["kind"], number>> = { clear: 0, delay: 1, hold: 2, reject: 3 };

const REJECT: RiskVerdict = { kind: "reject" };

/** A verdict that is none of the four, or whose number is no number to wait for, says nothing: that is a no. */
function sound(verdict: RiskVerdict): RiskVerdict {
  switch (verdict.kind) {
    case "clear":
    case "reject":
      return verdict;
    case "delay":
      return Number.isSafeInteger(verdict.untilMs) && verdict.untilMs >= 0 ? verdict : REJECT;
    case "hold":
      return Number.isSafeInteger(verdict.approvals) && verdict.approvals >= 1 ? verdict : REJECT;
    default:
      return REJECT;
  }
}

function noAnswer(rule: string): Finding {
  return { rule, verdict: REJECT, reason: "the rule gave no answer", evidence: {} };
}
