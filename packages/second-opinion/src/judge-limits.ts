// What a good transaction may still run into: windows, what is usual, what is large. A refusal goes before a delay.
import type { DecodedPayout } from "@sluice/chains";
import type { OfflineFinding } from "./finding.ts";
import { baselineBarriers } from "./judge-baseline.ts";
import { labelBarriers } from "./judge-labels.ts";
import { largeBarriers } from "./judge-large.ts";
import { velocityBarriers } from "./judge-velocity.ts";
import type { Due, History, Judgement } from "./judgement.ts";
import type { Policy } from "./policy.ts";

export type Barrier = {
  readonly found: OfflineFinding;
  /** Null: never, so it refuses. */
  readonly freeAtMs: number | null;
  readonly deliberated: readonly string[];
};

export function judgeLimits(
  decoded: DecodedPayout,
  due: readonly Due[],
  policy: Policy,
  history: History,
  nowMs: number,
  anchor: string | null,
): Judgement {
  const barriers = [
    ...velocityBarriers(decoded, due, policy, history, nowMs, anchor),
    ...baselineBarriers(decoded, due, policy, history, nowMs),
    ...labelBarriers(due, policy, history, nowMs),
    ...largeBarriers(due, policy, history, nowMs),
  ];
  return judgeBarriers(barriers, nowMs);
}

export function judgeBarriers(barriers: readonly Barrier[], nowMs: number): Judgement {
  if (barriers.length === 0) return { kind: "sign" };
  const never = barriers.filter(({ freeAtMs }) => freeAtMs === null);
  if (never.length > 0) return { kind: "refuse", findings: never.map(({ found }) => found) };
  return {
    kind: "delay",
    untilMs: Math.max(...barriers.map(({ freeAtMs }) => freeAtMs ?? nowMs)),
    findings: barriers.map(({ found }) => found),
    deliberated: [...new Set(barriers.flatMap(({ deliberated }) => deliberated))],
  };
}
