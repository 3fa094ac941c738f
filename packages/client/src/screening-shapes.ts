// The shapes of POST /v1/screenings.
import { z } from "zod";

const MOST = 100;
const tier = z.enum(["white", "grey", "black"]);

export const screeningRequestSchema = z
  .strictObject({
    addresses: z
      .array(z.strictObject({ chain: z.string().min(1).max(32), address: z.string().min(1).max(256) }))
      .min(1)
      .max(MOST),
  })
  .meta({ id: "ScreeningRequest", description: "Addresses, each with its chain's name: bitcoin, ethereum, tron, …" });

const labelSchema = z.object({
  tier,
  category: z.string(),
  source: z.string(),
  confidence: z.number().int(),
  since: z.string(),
});

export const screenedSchema = z.object({
  chain: z.string(),
  address: z.string(),
  /** `refused` is no address of this chain; `unknown` means that the labels cannot be asked, and not that there are none. */
  outcome: z.enum(["labelled", "unlabelled", "unknown", "refused"]),
  code: z.string().nullable(),
  tier: tier.nullable(),
  /** What the rule of labels would say of a withdrawal to it now; null where it was refused. */
  verdict: z.enum(["clear", "delay", "hold", "reject"]).nullable(),
  reason: z.string(),
  labels: z.array(labelSchema),
});

export const screeningSchema = z
  .object({
    results: z.array(screenedSchema),
    /** Of the labels that were asked; null where there are none. */
    labelsVersion: z.number().int().nullable(),
    labelsMadeAt: z.string().nullable(),
  })
  .meta({ id: "Screening" });

export type AddressToScreen = z.output<typeof screeningRequestSchema>["addresses"][number];
export type ScreenedAddress = z.output<typeof screenedSchema>;
export type Screening = z.output<typeof screeningSchema>;
