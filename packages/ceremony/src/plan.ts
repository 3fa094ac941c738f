// What a ceremony is to make: which network, and for each holder its custodians and how many of them are needed.
import { NETWORKS } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { MOST_CUSTODIANS, NAME_RULE } from "@sluice/keys/custody";
import { z } from "zod";
import { isRecipient } from "./sealed-share.ts";

const custodianSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, NAME_RULE),
  recipient: z.string().refine(isRecipient, "is an X25519 recipient of age, age1… with a valid checksum"),
});

const custodyRule = "has 2 to its number of custodians as threshold";
const custodySchema = z
  .strictObject({
    threshold: z.number().int().min(2, custodyRule),
    custodians: z
      .array(custodianSchema)
      .min(2)
      .max(MOST_CUSTODIANS)
      .refine((all) => distinct(all.map(({ name }) => name)), "names no custodian twice")
      // One person with two shares would count as two.
      .refine((all) => distinct(all.map(({ recipient }) => recipient)), "seals to no recipient twice"),
  })
  .refine(({ threshold, custodians }) => threshold <= custodians.length, custodyRule);

export const ceremonyPlanSchema = z.strictObject({
  network: z.enum(NETWORKS),
  walletId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, "is 1 to 64 letters, digits or . _ : -"),
  gapLimit: z.number().int().min(1).max(1_000_000),
  holders: z.strictObject({
    [HOLDERS[0]]: custodySchema,
    [HOLDERS[1]]: custodySchema,
    [HOLDERS[2]]: custodySchema,
  }),
});

export type CeremonyPlan = z.output<typeof ceremonyPlanSchema>;

export type CeremonyFault = { readonly code: string; readonly message: string };

/** Every fault at once. */
export function readPlan(
  text: string,
): { readonly plan: CeremonyPlan } | { readonly faults: readonly CeremonyFault[] } {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return { faults: [{ code: "PLAN_INVALID", message: "the plan is no JSON" }] };
  }
  const read = ceremonyPlanSchema.safeParse(given);
  if (read.success) return { plan: read.data };
  const faults = read.error.issues.map(({ path, message }) => ({
    code: "PLAN_INVALID",
    message: `${path.length === 0 ? "plan" : path.join(".")}: ${message}`,
  }));
  return { faults };
}

function distinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
