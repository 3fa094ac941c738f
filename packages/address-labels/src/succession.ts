// Which update may follow which. Pure.
import type { UpdateHead } from "./head.ts";
import { type LabelRefusal, refuseLabels } from "./refusals.ts";

/** Clocks of those who make updates differ a little. */
const CLOCKS_DIFFER_MS = 10 * 60 * 1_000;

export type InForce = { readonly version: number; readonly sha256: string };

/** Null when it may follow. */
export function judgeUpdate(offered: UpdateHead, inForce: InForce | null, nowMs: number): LabelRefusal | null {
  const { kind, version, previousSha256, madeAtMs } = offered.content;
  const versions = `${kind} ${version} after ${inForce === null ? "none" : inForce.version}`;
  if (kind === "merged") return refuseLabels("LABELS_MALFORMED", "a store's own file is no update").refusal;
  if (madeAtMs > nowMs + CLOCKS_DIFFER_MS) {
    return refuseLabels("LABELS_FROM_FUTURE", new Date(madeAtMs).toISOString()).refusal;
  }
  if (inForce === null) return kind === "snapshot" ? null : refuseLabels("LABELS_VERSION_GAP", versions).refusal;
  if (offered.sha256 === inForce.sha256) return refuseLabels("LABELS_KNOWN", versions).refusal;
  if (version <= inForce.version) return refuseLabels("LABELS_VERSION_LOWER", versions).refusal;
  const isNext = version === inForce.version + 1;
  if (kind === "delta" && !isNext) return refuseLabels("LABELS_VERSION_GAP", versions).refusal;
  // A snapshot that skips versions is whole in itself: what it names is not known here.
  if (isNext && previousSha256 !== inForce.sha256) return refuseLabels("LABELS_PREVIOUS_OTHER", versions).refusal;
  return null;
}
