// The rule of origins: a key that stands in for others, such as a facade's, may be trusted with less than the backend's own.
import type { Finding } from "@sluice/core";
import { setting } from "@sluice/runtime";
import { z } from "zod";
import { approvals } from "./policy-parts.ts";

/** By the key that requested: people look at what is above the first amount, and nobody may ask for what is above the second. */
export const originsSchema = z
  .array(
    z
      .strictObject({
        keyId: z.string().min(1),
        hold: z.strictObject({ aboveMinor: setting.minorUnits(), approvals }).optional(),
        rejectAboveMinor: setting.minorUnits().optional(),
      })
      .refine(({ hold, rejectAboveMinor }) => hold !== undefined || rejectAboveMinor !== undefined, "limits nothing"),
  )
  .refine((all) => new Set(all.map(({ keyId }) => keyId)).size === all.length, "names a key twice")
  .default([]);

export type OriginPolicy = z.output<typeof originsSchema>[number];

type Found = Omit<Finding, "rule">;

/** Null for a key of which the policy says nothing. */
export function judgeOrigin(origins: readonly OriginPolicy[], requesterKey: string, amountMinor: bigint): Found | null {
  const origin = origins.find(({ keyId }) => keyId === requesterKey);
  if (origin === undefined) return null;
  const { hold, rejectAboveMinor } = origin;
  const evidence = { requesterKey, amountMinor: String(amountMinor) };
  if (rejectAboveMinor !== undefined && amountMinor > rejectAboveMinor) {
    const reason = `It was requested by ${requesterKey}, which may not ask for so much.`;
    return { verdict: { kind: "reject" }, reason, evidence: { ...evidence, aboveMinor: String(rejectAboveMinor) } };
  }
  if (hold !== undefined && amountMinor > hold.aboveMinor) {
    const reason = `It was requested by ${requesterKey}: people look at amounts like this.`;
    const verdict = { kind: "hold", approvals: hold.approvals } as const;
    return { verdict, reason, evidence: { ...evidence, aboveMinor: String(hold.aboveMinor) } };
  }
  return { verdict: { kind: "clear" }, reason: `It was requested by ${requesterKey}, within its limits.`, evidence };
}
