// Limits of the key that a request was signed with: where a facade stands in for backends whose own word this zone cannot verify,
// what it may ask for is bounded here, whatever the online side has cleared.
import { finding, type OfflineFinding } from "./finding.ts";
import type { Barrier } from "./judge-limits.ts";
import { keyedBarriers } from "./judge-velocity.ts";
import type { Due, History } from "./judgement.ts";
import type { Policy } from "./policy.ts";

export function originOf({ clearance }: Due): string {
  return clearance.backendKeyId;
}

export function originFinding(due: Due, { limitsOfOrigin }: Policy): readonly OfflineFinding[] {
  const requesterKey = originOf(due);
  const { maxPaymentSat } = limitsOfOrigin.get(requesterKey) ?? {};
  if (maxPaymentSat === undefined || due.amountSat <= maxPaymentSat) return [];
  const evidence = { requesterKey, amountSat: String(due.amountSat), maxPaymentSat: String(maxPaymentSat) };
  const reason = `${requesterKey}, which requested it, may ask for ${maxPaymentSat} satoshi at most`;
  return [finding(due.withdrawalId, "ORIGIN_OVER_LIMIT", reason, evidence)];
}

export function originBarriers(
  due: readonly Due[],
  { limitsOfOrigin }: Policy,
  { byOrigin }: History,
  nowMs: number,
): readonly Barrier[] {
  const windowsOf = (each: Due) => limitsOfOrigin.get(originOf(each))?.windows ?? [];
  const named = (each: Due) => ({ requesterKey: originOf(each) });
  return keyedBarriers("ORIGIN_VELOCITY", due, originOf, windowsOf, byOrigin, nowMs, named);
}
