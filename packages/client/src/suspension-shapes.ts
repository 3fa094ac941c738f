// The shapes of suspensions at the API.
import { z } from "zod";

const value = z.string().min(1).max(128);
const reason = z.string().min(1).max(500).describe("Why, for whoever has to reopen it.");

export const SUSPENDABLE = ["account", "destination", "asset", "wallet", "all"] as const;

export const suspendSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("account"), value: value.describe("The account."), reason }),
    z.strictObject({ kind: z.literal("destination"), value: value.describe("The address, in any spelling."), reason }),
    z.strictObject({ kind: z.literal("asset"), value: value.describe("For example BTC."), reason }),
    z.strictObject({ kind: z.literal("wallet"), value: value.describe("The hot wallet's id."), reason }),
    z.strictObject({ kind: z.literal("all"), reason }),
  ])
  .meta({ id: "Suspend" });

export type Suspend = z.output<typeof suspendSchema>;

const atMs = z.number().int().min(0);

export const suspensionSchema = z
  .object({
    id: z.string(),
    kind: z.enum(SUSPENDABLE),
    value: z.string().describe("As it was given; empty for all."),
    reason: z.string(),
    by: z.string().describe("The key that suspended it."),
    atMs,
    reopenedAtMs: atMs.nullable(),
    reopening: z
      .object({
        required: z.number().int().describe("How many people have to say so."),
        checklist: z
          .record(z.string(), z.string())
          .readonly()
          .describe("What each of them has to answer, by its name."),
        said: z
          .array(z.object({ by: z.string(), atMs, answers: z.record(z.string(), z.string()).readonly() }).readonly())
          .readonly(),
      })
      .readonly(),
  })
  .readonly()
  .meta({ id: "Suspension" });

export type Suspension = z.output<typeof suspensionSchema>;

export const suspensionListSchema = z
  .object({ suspensions: z.array(suspensionSchema).readonly() })
  .readonly()
  .meta({ id: "SuspensionList" });

export const reopenSchema = z
  .strictObject({
    answers: z
      .record(z.string().min(1).max(64), z.string().trim().min(1).max(500))
      .describe("To each item of the checklist one answer in words."),
  })
  .meta({ id: "Reopen" });

export const suspensionIdSchema = z.uuid("must be the id of a suspension");
