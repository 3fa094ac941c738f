// The rule of allow-lists: an account that has one in force pays only to where it was said, long enough ago, that it may.
import type { Finding, RiskVerdict } from "@sluice/core";
import { z } from "zod";
import { approvals } from "./policy-parts.ts";

const days = 24 * 60 * 60 * 1_000;

export const allowListSchema = z
  .strictObject({
    /** A new destination, and switching a list off, count after so long. */
    activationMs: z
      .number()
      .int()
      .min(0)
      .max(366 * days)
      .default(days),
    /** What becomes of a withdrawal to anywhere else. */
    otherwise: z.union([z.literal("reject"), z.strictObject({ approvals })]).default("reject"),
  })
  .prefault({});

export type AllowListPolicy = z.output<typeof allowListSchema>;

/** Of an account whose list is in force. Null: the destination is not on it, nor on the one for all accounts. */
export type AllowListFacts = { readonly activeFromMs: number | null };

type Found = Omit<Finding, "rule">;

/** Null while the account has no list in force: then nobody asks. */
export function judgeAllowList(
  { otherwise }: AllowListPolicy,
  facts: AllowListFacts | null,
  nowMs: number,
): Found | null {
  if (facts === null) return null;
  const { activeFromMs } = facts;
  if (activeFromMs === null) {
    const verdict: RiskVerdict =
      otherwise === "reject" ? { kind: "reject" } : { kind: "hold", approvals: otherwise.approvals };
    return { verdict, reason: "The account pays only to listed destinations, and this is none.", evidence: {} };
  }
  const evidence = { activeFromMs: String(activeFromMs) };
  if (activeFromMs <= nowMs) {
    return { verdict: { kind: "clear" }, reason: "The destination is on the account's allow-list.", evidence };
  }
  const reason = `The destination is listed, and counts from ${new Date(activeFromMs).toISOString()}.`;
  return { verdict: { kind: "delay", untilMs: activeFromMs }, reason, evidence };
}
