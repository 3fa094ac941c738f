// The rule of labels: what a destination is known to be, by the policy's own short list and by the store of address labels.
import { type Screened, type Tier, tierOfScreened } from "@sluice/address-labels";
import type { Finding, RiskVerdict } from "@sluice/core";
import { z } from "zod";
import { approvals, longMs } from "./policy-parts.ts";

/** What the labels of the store lead to. */
export const screeningSchema = z
  .strictObject({
    /** A black label that is less sure than this is looked at by a person instead of being refused. */
    blackFromConfidence: z.number().int().min(0).max(100).default(0),
    /** Labels that were made longer ago are as good as none. */
    maxAgeMs: longMs.optional(),
    /** While it is not known whether a destination has labels: people approve, or it waits and is judged again. */
    unknown: z.union([z.strictObject({ approvals }), z.strictObject({ delayMs: longMs })]).prefault({ approvals: 1 }),
  })
  .prefault({});

export type ScreeningPolicy = z.output<typeof screeningSchema>;

type Found = Omit<Finding, "rule">;

const VERDICTS: Readonly<Record<Tier, RiskVerdict>> = {
  white: { kind: "clear" },
  grey: { kind: "hold", approvals: 1 },
  black: { kind: "reject" },
};

/** @param own the policy's own label of this destination: it stands over everything that the store says */
export function judgeLabels(
  { blackFromConfidence, unknown }: ScreeningPolicy,
  own: { readonly tier: Tier; readonly category: string; readonly reason: string } | undefined,
  screened: Screened,
  nowMs: number,
): Found {
  if (own !== undefined) {
    const { tier, category, reason } = own;
    const said = `The destination is labelled ${tier}: ${reason}`;
    return { verdict: VERDICTS[tier], reason: said, evidence: { tier, category } };
  }
  const nothing: Found = { verdict: VERDICTS.white, reason: "The destination has no label.", evidence: {} };
  if (screened.kind === "off") return nothing;
  if (screened.kind === "pending") {
    const { untilMs } = screened;
    return { verdict: { kind: "delay", untilMs }, reason: "The screening provider is being asked.", evidence: {} };
  }
  if (screened.kind === "unknown") {
    const { code, detail } = screened;
    const verdict: RiskVerdict =
      "approvals" in unknown
        ? { kind: "hold", approvals: unknown.approvals }
        : { kind: "delay", untilMs: nowMs + unknown.delayMs };
    return { verdict, reason: `It is not known whether the destination has a label: ${detail}.`, evidence: { code } };
  }
  const found = tierOfScreened(screened, blackFromConfidence);
  const version = String(screened.version);
  if (found === null) return { ...nothing, evidence: { labelsVersion: version } };
  const { category, source, confidence, sinceMs } = found.label;
  return {
    verdict: VERDICTS[found.tier],
    reason: `The destination is labelled ${found.label.tier} by ${source}: ${category}, confidence ${confidence} of 100.`,
    evidence: {
      ...{ tier: found.label.tier, category, source, confidence: String(confidence) },
      ...{ since: new Date(sinceMs).toISOString(), labelsVersion: version },
      // What the label itself says, where the policy takes it for less: a replay by another policy asks.
      ...(found.tier === found.label.tier ? {} : { labelTier: found.label.tier }),
    },
  };
}
