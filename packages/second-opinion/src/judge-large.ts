// Large payments wait a deliberate time, in which people may say no; the largest wait until a named person says yes.
import { finding } from "./finding.ts";
import type { Barrier } from "./judge-limits.ts";
import type { Due, History } from "./judgement.ts";
import type { Policy } from "./policy.ts";

/** How often a task that waits for a person is reported again. It is judged at once when the person has decided. */
export const RELEASE_ASKED_AGAIN_MS = 24 * 60 * 60 * 1_000;

export function largeBarriers(
  due: readonly Due[],
  { large }: Policy,
  history: History,
  nowMs: number,
): readonly Barrier[] {
  const delays = due.flatMap(({ withdrawalId, amountSat }): readonly Barrier[] => {
    const freeAtMs = (history.deliberations.get(withdrawalId)?.sinceMs ?? nowMs) + large.delayMs;
    if (amountSat <= large.delayAboveSat || nowMs >= freeAtMs) return [];
    const evidence = { amountSat: String(amountSat), aboveSat: String(large.delayAboveSat) };
    const reason = "a large payment waits, so that people may say no";
    return [
      { found: finding(withdrawalId, "LARGE_PAYMENT_DELAY", reason, evidence), freeAtMs, deliberated: [withdrawalId] },
    ];
  });
  if (history.releasedBy !== null) return delays;
  const unreleased = due.flatMap(({ withdrawalId, amountSat }): readonly Barrier[] => {
    if (amountSat <= large.releaseAboveSat) return [];
    const evidence = { amountSat: String(amountSat), aboveSat: String(large.releaseAboveSat) };
    const reason = "a named person has to release it at the zone's console";
    const freeAtMs = nowMs + RELEASE_ASKED_AGAIN_MS;
    return [{ found: finding(withdrawalId, "NEEDS_RELEASE", reason, evidence), freeAtMs, deliberated: [withdrawalId] }];
  });
  return [...delays, ...unreleased];
}
