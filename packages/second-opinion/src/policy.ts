// The limits and labels of the semi-offline side: its own file, shared with nobody.
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import { z } from "zod";

/** A whole number as text: JSON's own numbers lose satoshis. */
const minorUnits = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,29})$/, "is a whole number of minor units, without sign or leading zero")
  .transform(BigInt);

const windows = z.array(
  z
    .strictObject({
      windowMs: z.number().int().min(1_000),
      maxCount: z.number().int().min(0).optional(),
      maxSat: minorUnits.optional(),
    })
    .refine(({ maxCount, maxSat }) => maxCount !== undefined || maxSat !== undefined, "bounds nothing"),
);

const FEE_RATE_RULE = "has at most three decimals";

/** In satoshis per 1000 vbytes, so that fees are compared without floating point. */
const feeRate = z
  .number()
  .min(0)
  .max(1_000_000)
  .refine((rate) => Math.abs(Math.round(rate * 1000) - rate * 1000) < 1e-6, FEE_RATE_RULE)
  .transform((rate) => BigInt(Math.round(rate * 1000)));

export const policyFileSchema = z.strictObject({
  maxPaymentSat: minorUnits,
  maxFeeSat: minorUnits,
  maxFeeRateSatPerVbyte: feeRate,
  minFeeRateSatPerVbyte: feeRate,
  /** Of the sum of the payments. All three caps hold together. */
  maxFeePercent: z.number().int().min(1).max(100),
  maxClearanceAgeMs: z.number().int().min(1_000),
  accountWindows: windows,
  destinationWindows: windows,
  /** Of the whole outflow: payments and fee. */
  walletWindows: windows,
  labels: z.array(
    z.strictObject({
      address: z.string().min(1),
      tier: z.enum(["white", "grey", "black"]),
      category: z.string().min(1),
      reason: z.string().min(1),
    }),
  ),
});

type PolicyFile = z.output<typeof policyFileSchema>;

export type Label = PolicyFile["labels"][number];

export type Policy = Omit<PolicyFile, "labels" | "maxFeeRateSatPerVbyte" | "minFeeRateSatPerVbyte"> & {
  readonly maxFeeRateSatPerKvbyte: bigint;
  readonly minFeeRateSatPerKvbyte: bigint;
  /** By scriptPubKey in lower-case hex: an address has several spellings, a script has one. */
  readonly labels: ReadonlyMap<string, Label>;
};

export type PolicyFault = { readonly name: string; readonly rule: string };

export function readPolicy(
  file: PolicyFile,
  network: BitcoinNetwork,
): { readonly policy: Policy; readonly faults: readonly PolicyFault[] } {
  const labels = new Map<string, Label>();
  const faults: PolicyFault[] = [];
  for (const [at, label] of file.labels.entries()) {
    const parsed = parseAddress(network, label.address);
    const name = `SLUICE_POLICY_FILE labels.${at}.address`;
    if (!parsed.ok) {
      faults.push({ name, rule: parsed.refusal.code });
      continue;
    }
    const script = Buffer.from(parsed.value.scriptPubKey).toString("hex");
    if (labels.has(script)) faults.push({ name, rule: "is labelled twice" });
    labels.set(script, label);
  }
  const {
    maxFeeRateSatPerVbyte: maxFeeRateSatPerKvbyte,
    minFeeRateSatPerVbyte: minFeeRateSatPerKvbyte,
    ...rest
  } = file;
  return { policy: { ...rest, maxFeeRateSatPerKvbyte, minFeeRateSatPerKvbyte, labels }, faults };
}
