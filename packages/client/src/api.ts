// The shapes of the withdrawal API: what the front door answers, documents and validates, and what the client believes.
import { PRIORITIES } from "@sluice/contracts";
import { WITHDRAWAL_STATES } from "@sluice/core";
import { z } from "zod";

export * from "./policy-api.ts";
export * from "./screening-shapes.ts";
export * from "./suspension-shapes.ts";

const atMs = z.number().int().min(0);
const state = z.enum(WITHDRAWAL_STATES);
const minorUnits = z.string().regex(/^[0-9]+$/);

export const findingSchema = z
  .object({
    by: z.enum(["online-risk", "semi-offline-risk"]),
    rule: z.string().describe("UPPER_SNAKE name of the rule."),
    verdict: z.string().describe("clear, delay, hold or reject; the semi-offline zone also says sign and refuse."),
    reason: z.string().describe("One sentence for the person who reads it."),
    evidence: z.record(z.string(), z.string()).readonly(),
    atMs: atMs.describe("When it was found, milliseconds since 1970."),
    policyVersion: z.number().int().min(1).nullish().describe("The version of the policy that it was judged by."),
  })
  .readonly()
  .meta({ id: "Finding" });

export const changeSchema = z.object({ state, atMs, detail: z.string() }).readonly();

const summaryShape = {
  id: z.string().describe("The client's own id of the withdrawal; it is the idempotency key."),
  account: z.string(),
  asset: z.string(),
  amount: minorUnits.describe("Minor units (satoshi) as decimal digits."),
  address: z.string(),
  state,
  detail: z.string().describe("What brought it into its state, for people."),
  revision: z.number().int().min(1).describe("Counts the changes of this withdrawal from 1."),
  priority: z.enum(PRIORITIES),
  fee: z
    .object({ payer: z.enum(["exchange", "customer"]), amount: minorUnits })
    .readonly()
    .describe("As quoted at the receipt. The customer is charged it beside the amount only when it is the payer."),
  txid: z.string().nullable().describe("The transaction that pays it, once one is signed."),
  confirmations: z.number().int().min(0),
  receivedAtMs: atMs,
  changedAtMs: atMs,
};

export const withdrawalSummarySchema = z.object(summaryShape).readonly();

const failureSchema = z
  .object({
    conflictingTxid: z.string().nullable().describe("The transaction that stands in the way; the nearest to a proof."),
    missing: z
      .object({ code: z.string(), detail: z.string() })
      .readonly()
      .nullable()
      .describe("Which part of the proof is missing; null when the chain proves that it can never be paid."),
    required: z.number().int().describe("How many people have to say so."),
    said: z
      .array(z.object({ by: z.string(), reason: z.string(), conflictingTxid: z.string(), atMs }).readonly())
      .readonly(),
  })
  .readonly()
  .meta({ id: "WithdrawalSummary" });

const expectedSchema = z
  .object({
    waitsFor: z
      .enum(["nothing", "delay", "people", "zone"])
      .describe(
        "What has to come first: the end of a delay, people's approvals, or the semi-offline zone's deliberate wait.",
      ),
    typicalAtMs: atMs.nullable().describe("About half of all are paid sooner; null: not known."),
    latestAtMs: atMs.nullable().describe("About 19 of 20 are paid by then; null: not known. No promise."),
  })
  .readonly()
  .meta({ id: "Expected" });

export const withdrawalSchema = z
  .object({
    ...summaryShape,
    requiredConfirmations: z.number().int().min(1).nullable().describe("Known once it is in a block."),
    notBeforeMs: atMs.nullable().describe("While held or delayed: not cleared before this time."),
    approvals: z.object({ required: z.number().int().min(0), by: z.array(z.string()).readonly() }).readonly(),
    expected: expectedSchema
      .nullable()
      .optional()
      .describe(
        "When it is to be expected in a block, as things usually go; null once it is there, and when it is never paid.",
      ),
    requestBody: z
      .string()
      .optional()
      .describe("The exact text that was signed. Whoever approves reads this, and signs its SHA-256."),
    failure: failureSchema
      .nullable()
      .optional()
      .describe("There when another transaction has spent what this withdrawal's transactions spend."),
    findings: z.array(findingSchema).readonly().describe("Of every rule that was asked, the newest judgement last."),
    history: z.array(changeSchema).readonly().describe("Every change, oldest first."),
    timings: z
      .partialRecord(state, z.number().int().min(0))
      .readonly()
      .describe("Milliseconds from receipt until each state was first reached."),
  })
  .readonly()
  .meta({ id: "Withdrawal" });

export const withdrawalListSchema = z
  .object({
    withdrawals: z.array(withdrawalSummarySchema).readonly().describe("Newest first."),
    nextCursor: z.string().nullable().describe("Give it as `cursor` to get the next page; null on the last one."),
  })
  .readonly()
  .meta({ id: "WithdrawalList" });

const expectedMsSchema = z
  .object({
    typical: z.number().int().min(0).describe("About half of all are paid sooner."),
    latest: z
      .number()
      .int()
      .min(0)
      .nullable()
      .describe("About 19 of 20 are paid by then; null while those ahead wait for longer than usual. No promise."),
  })
  .readonly();

export const feeQuotesSchema = z
  .object({
    asset: z.string(),
    quotes: z
      .array(
        z
          .object({
            priority: z.enum(PRIORITIES),
            payer: z.enum(["exchange", "customer"]),
            amount: minorUnits.describe("What a withdrawal is quoted now, in minor units."),
            targetBlocks: z.number().int().min(1).describe("In how many blocks it is meant to be paid."),
            satPerKvbyte: minorUnits,
            estimatedAtMs: atMs.nullable().describe("When nodes estimated the rate; null while none has."),
            expectedMs: expectedMsSchema
              .nullable()
              .describe(
                "From the receipt until it is in a block, when no rule delays or holds it; null while no node has an estimate.",
              ),
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly()
  .meta({ id: "FeeQuotes" });

const PRINTABLE = /^[\x20-\x7e]+$/;
const listedAmount = z.string().regex(/^(0|[1-9][0-9]{0,29})$/, "is decimal digits without sign or leading zero");
const listedTime = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** The query of GET /v1/withdrawals. All that is given has to hold. */
export const listQuerySchema = z.strictObject({
  state: state.optional(),
  account: z.string().regex(PRINTABLE).max(64).optional(),
  address: z.string().min(1).max(128).optional().describe("In any spelling of the same destination."),
  asset: z.string().regex(PRINTABLE).max(16).optional(),
  amountMin: listedAmount.optional().describe("Minor units; this amount or more."),
  amountMax: listedAmount.optional().describe("Minor units; this amount or less."),
  receivedFromMs: listedTime.optional().describe("Received at this time or later, milliseconds since 1970."),
  receivedBeforeMs: listedTime.optional().describe("Received before this time."),
  cursor: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, "is a nextCursor of an earlier page")
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** The most that one bulk request holds. */
export const BULK_MAX = 1_000;

/** One withdrawal of a bulk request: what POST /v1/withdrawals would be sent, signed by itself. */
export const bulkItemSchema = z
  .strictObject({
    body: z
      .string()
      .min(1)
      .max(2_048)
      .describe("The exact text that POST /v1/withdrawals would be sent; it is what is signed."),
    signatureInput: z
      .string()
      .min(1)
      .max(1_024)
      .describe("The header Signature-Input of that request, with a nonce of its own."),
    signature: z.string().min(1).max(256).describe("The header Signature of that request."),
  })
  .readonly();

export const bulkRequestSchema = z.strictObject({
  withdrawals: z.array(bulkItemSchema).min(1).max(BULK_MAX).readonly(),
});

export const bulkResultSchema = z
  .object({
    status: z.number().int().describe("As POST /v1/withdrawals would have answered: 202 when it is stored."),
    withdrawal: withdrawalSummarySchema.nullable(),
    problem: z
      .object({
        code: z.string(),
        title: z.string(),
        detail: z.string(),
        errors: z.array(z.object({ field: z.string(), rule: z.string(), code: z.string() }).readonly()).readonly(),
      })
      .readonly()
      .nullable(),
  })
  .readonly()
  .meta({ id: "BulkResult" });

export const bulkAnswerSchema = z
  .object({ results: z.array(bulkResultSchema).readonly().describe("One for each, in the order of the request.") })
  .readonly();

export const allowedDestinationSchema = z
  .object({
    address: z.string(),
    label: z.string(),
    addedBy: z.string().describe("The key that added it."),
    addedAtMs: atMs,
    activeFromMs: atMs.describe("Money may go there from then on."),
    isActive: z.boolean(),
  })
  .readonly()
  .meta({ id: "AllowedDestination" });

export const newDestinationSchema = z.strictObject({
  address: z.string().min(1).max(128),
  label: z.string().max(100).optional().describe("For people."),
});

export const destinationListSchema = z
  .object({
    destinations: z.array(allowedDestinationSchema).readonly().describe("Newest first."),
    nextCursor: z.string().nullable(),
  })
  .readonly();

export const destinationsQuerySchema = z.strictObject({
  cursor: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, "is a nextCursor of an earlier page")
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

export const allowListSchema = z
  .object({
    isEnforced: z.boolean(),
    enforcedUntilMs: atMs.nullable().describe("When it was switched off and still counts: until then."),
  })
  .readonly();

export const allowListChangeSchema = z.strictObject({ isEnforced: z.boolean() });

/** RFC 9457, with a stable code, and for bad fields the rule that each breaks. */
export const problemSchema = z
  .object({
    status: z.number().int(),
    code: z.string(),
    title: z.string(),
    detail: z.string().optional(),
    errors: z
      .array(z.object({ field: z.string(), rule: z.string(), code: z.string() }).readonly())
      .readonly()
      .optional(),
  })
  .readonly();

export type ApiFinding = z.infer<typeof findingSchema>;
export type WithdrawalSummary = z.infer<typeof withdrawalSummarySchema>;
export type WithdrawalDetails = z.infer<typeof withdrawalSchema>;
export type WithdrawalList = z.infer<typeof withdrawalListSchema>;
export type FeeQuotes = z.infer<typeof feeQuotesSchema>;
export type BulkItem = z.infer<typeof bulkItemSchema>;
export type BulkResult = z.infer<typeof bulkResultSchema>;
export type AllowedDestination = z.infer<typeof allowedDestinationSchema>;
export type DestinationList = z.infer<typeof destinationListSchema>;
export type AllowList = z.infer<typeof allowListSchema>;
export type ListQuery = z.infer<typeof listQuerySchema>;
export type FieldError = NonNullable<z.infer<typeof problemSchema>["errors"]>[number];
