// One row of a list becomes a change of labels, or the rules that it breaks.

import { canonicalAddress } from "../key.ts";
import { LAST_SINCE_MS, NAME, TIERS, type Tier } from "../label.ts";
import type { Change } from "../make-update.ts";

/** What is wrong with which line. The address itself is not repeated: what stands in such a field is now and then a secret. */
export type BadRow = { readonly line: number; readonly rule: string };

export type Fields = Readonly<
  Partial<Record<"chain" | "address" | "tier" | "category" | "confidence" | "since", string>>
>;

export type Loaded = Generator<Change, void>;

export const FIELDS = ["chain", "address", "tier", "category", "confidence", "since"] as const;

/** Null when it breaks a rule; every rule that it breaks is then among the bad rows. */
export function readRow(fields: Fields, source: string, line: number, bad: BadRow[]): Change | null {
  const { chain = "", address = "", tier = "", category = "", confidence = "", since = "" } = fields;
  const rules: string[] = [];
  const canonical = canonicalAddress(chain, address);
  if (!canonical.ok) rules.push(`${canonical.refusal.code}: ${canonical.refusal.detail}`);
  if (!isTier(tier)) rules.push(`TIER_UNKNOWN: a tier is one of ${[...TIERS, "removed"].join(", ")}`);
  if (!NAME.test(category)) rules.push("CATEGORY_INVALID: a category is 1 to 64 of a-z 0-9 . _ : -");
  const sure = /^(100|[1-9]?[0-9])$/.test(confidence) ? Number(confidence) : null;
  if (sure === null) rules.push("CONFIDENCE_INVALID: a confidence is a whole number from 0 to 100");
  const sinceMs = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/.test(since) ? Date.parse(since) : Number.NaN;
  const isTime = sinceMs >= 0 && sinceMs <= LAST_SINCE_MS;
  if (!isTime)
    rules.push("SINCE_INVALID: a time is a date, or a date and time in UTC (2018-11-28, 2018-11-28T00:00:00Z)");
  for (const rule of rules) bad.push({ line, rule });
  if (rules.length > 0 || !canonical.ok || !isTier(tier) || sure === null) return null;
  return { chain, canonical: canonical.value, label: { tier, category, source, confidence: sure, sinceMs } };
}

function isTier(text: string): text is Tier | "removed" {
  return text === "removed" || TIERS.some((tier) => tier === text);
}
