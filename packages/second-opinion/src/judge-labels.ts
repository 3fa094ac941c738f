// Labels of a destination: the bundle's own short list, which stands over everything, and this zone's copy of the label store.
import { type Screened, tierOfScreened } from "@sluice/address-labels";
import { finding, type OfflineFinding } from "./finding.ts";
import type { Barrier } from "./judge-limits.ts";
import type { Due, History } from "./judgement.ts";
import type { Policy } from "./policy.ts";

/** How often a task that waits for labels is judged again. */
export const LABELS_ASKED_AGAIN_MS = 60_000;

type Known = Pick<History, "screened">;

/** What refuses: grey and black of the bundle's list, black of the store and, if the policy says so, its grey. */
export function labelFinding(
  { withdrawalId, scriptHex }: Due,
  { labels, screening }: Policy,
  history: Known,
): readonly OfflineFinding[] {
  const own = labels.get(scriptHex);
  if (own !== undefined) {
    const { tier, category, reason } = own;
    if (tier === "white") return [];
    const said = `the destination is labelled ${category}: ${reason}`;
    return [finding(withdrawalId, "DESTINATION_LABELLED", said, { tier, category })];
  }
  const screened = history.screened?.get(scriptHex);
  if (screened?.kind !== "labels") return [];
  const found = tierOfScreened(screened, screening.blackFromConfidence);
  if (found === null || found.tier === "white" || (found.tier === "grey" && !screening.refuseGrey)) return [];
  const { tier, category, source, confidence } = found.label;
  const evidence = { tier, category, source, confidence: String(confidence), labelsVersion: String(found.version) };
  return [
    finding(withdrawalId, "DESTINATION_LABELLED", `the destination is labelled ${category} by ${source}`, evidence),
  ];
}

/** What nobody can say anything about waits until somebody can. */
export function labelBarriers(
  due: readonly Due[],
  { labels, screening: { maxAgeMs } }: Policy,
  { screened }: Known,
  nowMs: number,
): readonly Barrier[] {
  return due.flatMap(({ withdrawalId, scriptHex }): readonly Barrier[] => {
    const answer = labels.has(scriptHex) ? undefined : screened?.get(scriptHex);
    const why = answer === undefined ? null : whyUnknown(answer, maxAgeMs, nowMs);
    if (why === null) return [];
    const found = finding(withdrawalId, "LABELS_UNKNOWN", why.detail, { code: why.code });
    return [{ found, freeAtMs: nowMs + LABELS_ASKED_AGAIN_MS, deliberated: [] }];
  });
}

function whyUnknown(
  screened: Screened,
  maxAgeMs: number | undefined,
  nowMs: number,
): { readonly code: string; readonly detail: string } | null {
  if (screened.kind === "unknown") return screened;
  if (screened.kind === "pending") return { code: "LABELS_PENDING", detail: "somebody is being asked" };
  if (screened.kind === "off" || maxAgeMs === undefined || nowMs - screened.madeAtMs <= maxAgeMs) return null;
  return {
    code: "LABELS_TOO_OLD",
    detail: `the labels in force were made at ${new Date(screened.madeAtMs).toISOString()}`,
  };
}
