// What a ceremony is to make: which network, which wallets, and for each holder its custodians and how many are needed.
import { NETWORKS } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { accountNumberSchema, MOST_CUSTODIANS, MOST_WALLETS, NAME_RULE, walletIdSchema } from "@sluice/keys/custody";
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

const gapLimitSchema = z.number().int().min(1).max(1_000_000);

/** BIP44's. A wallet that pays much between two blocks takes a larger one (ADR 14). */
export const DEFAULT_GAP_LIMIT = 20;

/** Each wallet is an account of its own: m/48'/coin'/account'/2'. */
export const plannedWalletSchema = z.strictObject({
  walletId: walletIdSchema,
  account: accountNumberSchema,
  gapLimit: gapLimitSchema.default(DEFAULT_GAP_LIMIT),
});

export type PlannedWallet = z.output<typeof plannedWalletSchema>;

const common = {
  network: z.enum(NETWORKS),
  holders: z.strictObject({
    [HOLDERS[0]]: custodySchema,
    [HOLDERS[1]]: custodySchema,
    [HOLDERS[2]]: custodySchema,
  }),
};

const severalWallets = z.strictObject({
  ...common,
  wallets: z
    .array(plannedWalletSchema)
    .min(1)
    .max(MOST_WALLETS)
    .refine((all) => distinct(all.map(({ walletId }) => walletId)), "names no wallet twice")
    .refine((all) => distinct(all.map(({ account }) => account)), "has no account twice"),
});

/** A plan of a time that made one wallet: account 0. */
const oneWallet = z
  .strictObject({ ...common, walletId: walletIdSchema, gapLimit: gapLimitSchema })
  .transform(({ walletId, gapLimit, ...rest }) => ({ ...rest, wallets: [{ walletId, account: 0, gapLimit }] }));

export type CeremonyPlan = z.output<typeof severalWallets>;

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
  const ofOne = typeof given === "object" && given !== null && !("wallets" in given);
  const read = (ofOne ? oneWallet : severalWallets).safeParse(given);
  if (read.success) return { plan: read.data };
  const faults = read.error.issues.map(({ path, message }) => ({
    code: "PLAN_INVALID",
    message: `${path.length === 0 ? "plan" : path.join(".")}: ${message}`,
  }));
  return { faults };
}

function distinct(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length;
}
