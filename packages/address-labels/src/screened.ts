// What screening an address found, as rules see it: pure, and the same on both sides.
import type { Label, Tier } from "./label.ts";

export type Screened =
  /** No labels are configured here. */
  | { readonly kind: "off" }
  | { readonly kind: "labels"; readonly labels: readonly Label[]; readonly version: number; readonly madeAtMs: number }
  /** Somebody is being asked; by then there is an answer, or it is not known. */
  | { readonly kind: "pending"; readonly untilMs: number }
  /** It is not known whether it has labels. */
  | { readonly kind: "unknown"; readonly code: string; readonly detail: string };

export type TierFound = { readonly tier: Tier; readonly label: Label; readonly version: number };

/**
 * The label that decides: of the strictest tier, the surest. A black one below the confidence counts as grey: a person looks at
 * it. Null when no label says anything.
 */
export function tierOfScreened(
  { labels, version }: Extract<Screened, { kind: "labels" }>,
  blackFromConfidence: number,
): TierFound | null {
  const counted = labels.map((label) => {
    const isDoubtful = label.tier === "black" && label.confidence < blackFromConfidence;
    return { tier: isDoubtful ? "grey" : label.tier, label, version } satisfies TierFound;
  });
  const order: readonly Tier[] = ["black", "grey", "white"];
  const [first] = counted.toSorted(
    (a, b) =>
      order.indexOf(a.tier) - order.indexOf(b.tier) ||
      b.label.confidence - a.label.confidence ||
      (a.label.source < b.label.source ? -1 : 1),
  );
  return first ?? null;
}
