// The body of POST /v1/withdrawals: one schema for the front door and for the second opinion.
import { ID_PATTERN, type Result } from "@sluice/core";
import { z } from "zod";

/** The client's own id is the idempotency key. */
export const withdrawalIdSchema = z
  .string()
  .regex(ID_PATTERN, "must be 1 to 64 of A-Z a-z 0-9 . _ : - and begin with a letter or digit");

/** How soon a withdrawal is meant to be paid; each class has its own target, and none is starved by another. */
export const PRIORITIES = ["fast", "normal", "economy"] as const;

export type Priority = (typeof PRIORITIES)[number];

/** Accounts, and whatever else the exchange names: the same wherever it is named. */
export const idSchema = z.string().regex(ID_PATTERN, "must be 1 to 64 of A-Z a-z 0-9 . _ : -");

export const minorUnitsSchema = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,77})$/, "must be decimal digits without sign, point or leading zero");

export const withdrawalRequestSchema = z
  .strictObject({
    id: withdrawalIdSchema.describe("The client's own id of this withdrawal; repeating it never pays twice."),
    account: idSchema.describe("Whose money it is."),
    asset: z.string().min(1).max(16).describe("For example BTC."),
    amount: minorUnitsSchema.describe("Minor units (satoshi) as decimal digits. It is paid out in full."),
    address: z.string().min(1).max(128).describe("The destination, in its network's own form."),
    priority: z.enum(PRIORITIES).optional().describe("How soon it is meant to be paid; normal if not given."),
    maxFee: minorUnitsSchema
      .optional()
      .describe("Refuse the request instead of charging the customer a higher fee than this, in minor units."),
  })
  .readonly();

export type WithdrawalRequest = z.infer<typeof withdrawalRequestSchema>;

export type BodyFault = { readonly field: string; readonly rule: string; readonly code: string };

/** Parses the exact body bytes. UTF-8 and JSON are strict; a key given twice is refused, since readers differ on it. */
export function parseWithdrawalRequest(body: Uint8Array): Result<WithdrawalRequest, readonly BodyFault[]> {
  let json: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    const parsed = parseCounting(text);
    if (parsed.members !== countWritten(text)) {
      return fault("body", "a key must not be given twice", "FIELD_REPEATED");
    }
    json = parsed.json;
  } catch {
    return fault("body", "must be JSON in UTF-8", "JSON_MALFORMED");
  }
  const parsed = withdrawalRequestSchema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, refusal: parsed.error.issues.flatMap((issue) => faultsOf(issue, json)) };
}

/** Parsing keeps the last of two equal keys, so fewer members come out than were written. */
function parseCounting(text: string): { readonly json: unknown; readonly members: number } {
  let members = 0;
  const json: unknown = JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) members += Object.keys(value).length;
    return value;
  });
  return { json, members };
}

function countWritten(text: string): number {
  let written = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (match[1] !== undefined) written += 1;
  return written;
}

function faultsOf(issue: z.core.$ZodIssue, json: unknown): readonly BodyFault[] {
  const field = issue.path.join(".") || "body";
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: key, rule: "is not a field of this request", code: "FIELD_UNKNOWN" }));
  }
  const missing = issue.path.length === 1 && !Object.hasOwn(Object(json), String(issue.path[0]));
  return [{ field, rule: issue.message, code: missing ? "FIELD_MISSING" : "FIELD_INVALID" }];
}

function fault(field: string, rule: string, code: string): { ok: false; refusal: readonly BodyFault[] } {
  return { ok: false, refusal: [{ field, rule, code }] };
}
