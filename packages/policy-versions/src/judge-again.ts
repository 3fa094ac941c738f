// One judgement made again by two policies, and what is different about it: pure.
import { type Finding, type RiskVerdict, strictest } from "@sluice/core";
import { type Facts, findAll, type Policy } from "@sluice/online-rules";
import type { Recorded } from "./judgements.ts";

export type RuleChange = {
  readonly rule: string;
  /** Null when this policy does not ask the rule. */
  readonly active: RiskVerdict | null;
  readonly candidate: RiskVerdict | null;
  readonly reason: string;
};

export type Compared = {
  readonly active: RiskVerdict;
  readonly candidate: RiskVerdict;
  readonly rules: readonly RuleChange[];
  /** Whether anything is different: another kind, another number of people, another time. */
  readonly isChanged: boolean;
  /** Rules of which the active policy says something else now than was noted then. */
  readonly notReproduced: readonly string[];
};

type Side = { readonly policy: Policy; readonly facts: Facts };

export function judgeAgain(active: Side, candidate: Side, recorded: ReadonlyMap<string, Recorded>): Compared {
  const ours = byRule(findAll(active.policy, active.facts));
  const theirs = byRule(findAll(candidate.policy, candidate.facts));
  const verdicts = { active: strictest([...ours.values()]), candidate: strictest([...theirs.values()]) };
  const rules = [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((rule): readonly RuleChange[] => {
    const [before, after] = [ours.get(rule), theirs.get(rule)];
    if (isSame(before?.verdict ?? null, after?.verdict ?? null)) return [];
    const reason = after?.reason ?? before?.reason ?? "";
    return [{ rule, active: before?.verdict ?? null, candidate: after?.verdict ?? null, reason }];
  });
  const noted = new Set([...ours.keys(), ...recorded.keys()]);
  return {
    ...verdicts,
    rules: rules.filter((change) => !isOnlyAsked(change)),
    isChanged: !isSame(verdicts.active, verdicts.candidate),
    notReproduced: [...noted].filter((rule) => ours.get(rule)?.verdict.kind !== recorded.get(rule)?.verdict),
  };
}

function byRule(findings: readonly Finding[]): ReadonlyMap<string, Finding> {
  return new Map(findings.map((finding) => [finding.rule, finding]));
}

/** Asked by one of them alone, and nothing against it: that is no difference. */
function isOnlyAsked({ active, candidate }: RuleChange): boolean {
  return (active === null && candidate?.kind === "clear") || (candidate === null && active?.kind === "clear");
}

function isSame(left: RiskVerdict | null, right: RiskVerdict | null): boolean {
  if (left === null || right === null) return left === right;
  if (left.kind === "hold" && right.kind === "hold") return left.approvals === right.approvals;
  if (left.kind === "delay" && right.kind === "delay") return left.untilMs === right.untilMs;
  return left.kind === right.kind;
}
