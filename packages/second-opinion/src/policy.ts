// The limits and labels of the semi-offline side: a part of its bundle, shared with nobody.
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import {
  type ApprovalRules,
  type ApproverFile,
  approvalFaults,
  approvalTiersSchema,
  readApprovals,
} from "@sluice/contracts";
import { z } from "zod";

const DAY_MS = 24 * 60 * 60 * 1_000;

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

/** A number with at most three decimals, as a whole number of thousandths: it is compared without floating point. */
const thousandths = (max: number) =>
  z
    .number()
    .min(0)
    .max(max)
    .refine((value) => Math.abs(Math.round(value * 1000) - value * 1000) < 1e-6, "has at most three decimals")
    .transform((value) => BigInt(Math.round(value * 1000)));

/** In satoshis per 1000 vbytes. */
const feeRate = thousandths(1_000_000);

const scores = z
  .strictObject({ delayScore: thousandths(1_000), refuseScore: thousandths(1_000) })
  .refine(({ delayScore, refuseScore }) => delayScore <= refuseScore, "refuses below what it delays");

/** What labels of the zone's own label store lead to. The bundle's own short list stands over them. */
const screening = z
  .strictObject({
    /** Without it a grey destination is for the online side's people to look at. */
    refuseGrey: z.boolean().default(false),
    /** A black label that is less sure than this counts as grey. */
    blackFromConfidence: z.number().int().min(0).max(100).default(0),
    /** Labels that were made longer ago are as good as none: everything waits for newer ones. */
    maxAgeMs: z.number().int().min(1_000).optional(),
  })
  .prefault({});

export const policySchema = z.strictObject({
  maxPaymentSat: minorUnits,
  maxFeeSat: minorUnits,
  maxFeeRateSatPerVbyte: feeRate,
  minFeeRateSatPerVbyte: feeRate,
  /** Of the sum of the payments. All three caps hold together. */
  maxFeePercent: z.number().int().min(1).max(100),
  maxClearanceAgeMs: z.number().int().min(1_000),
  /** Older than this, a bundle is no longer judged by: everything waits for the next one. */
  maxBundleAgeMs: z.number().int().min(1_000),
  /** For every account that has none of its own. */
  accountWindows: windows,
  destinationWindows: windows,
  /** Of the whole outflow: payments and fee. */
  walletWindows: windows,
  /** What is unusual for the account, or for the wallet within an hour. */
  baseline: z.strictObject({
    historyMs: z
      .number()
      .int()
      .min(1_000)
      .max(90 * DAY_MS),
    /** With fewer earlier values nothing is called unusual. */
    minimumCount: z.number().int().min(5).max(500),
    account: scores,
    wallet: scores,
    delayMs: z.number().int().min(0),
  }),
  /** Transactions that pay nobody, to the wallet's own change branch. Without this there are none: unknown means no. */
  internal: z
    .strictObject({
      maxFeeSat: minorUnits,
      maxFeeRateSatPerVbyte: feeRate,
      maxOutputs: z.number().int().min(1).max(100),
      /** For each wallet: how many of them, and what they may cost together. */
      windows: windows.refine((list) => list.length > 0, "limits nothing"),
    })
    .optional(),
  screening,
  /** A payment above the first waits; above the second a named person has to release it as well. */
  large: z
    .strictObject({ delayAboveSat: minorUnits, delayMs: z.number().int().min(0), releaseAboveSat: minorUnits })
    .refine(({ delayAboveSat, releaseAboveSat }) => delayAboveSat <= releaseAboveSat, "releases below what it delays"),
  /** Above each amount so many of the bundle's approvers have to have approved exactly this request. None: nobody has to. */
  approvalTiers: approvalTiersSchema.optional(),
});

export const labelsSchema = z.array(
  z.strictObject({
    address: z.string().min(1),
    tier: z.enum(["white", "grey", "black"]),
    category: z.string().min(1),
    reason: z.string().min(1),
  }),
);

/** Windows of an account in place of those for everybody: narrower or wider. */
export const accountLimitsSchema = z.array(
  z.strictObject({ account: z.string().min(1), windows: windows.refine((list) => list.length > 0, "limits nothing") }),
);

/**
 * What may be paid at the request of one key, beside everything else that holds: for a key whose holder stands in for others, as a
 * facade that takes requests which this zone cannot verify.
 */
export const originLimitsSchema = z
  .array(
    z
      .strictObject({ keyId: z.string().min(1), maxPaymentSat: minorUnits.optional(), windows: windows.optional() })
      .refine(
        ({ maxPaymentSat, windows: own = [] }) => maxPaymentSat !== undefined || own.length > 0,
        "limits nothing",
      ),
  )
  .refine((list) => new Set(list.map(({ keyId }) => keyId)).size === list.length, "names a key twice");

type PolicyFile = z.output<typeof policySchema>;

export type OriginLimits = z.output<typeof originLimitsSchema>[number];

export type Label = z.output<typeof labelsSchema>[number];

export type Policy = Omit<PolicyFile, "maxFeeRateSatPerVbyte" | "minFeeRateSatPerVbyte" | "approvalTiers"> & {
  readonly maxFeeRateSatPerKvbyte: bigint;
  readonly minFeeRateSatPerKvbyte: bigint;
  /** By scriptPubKey in lower-case hex: an address has several spellings, a script has one. */
  readonly labels: ReadonlyMap<string, Label>;
  readonly windowsOfAccount: ReadonlyMap<string, PolicyFile["accountWindows"]>;
  /** By the id of the key that signed the request. A key that is not here has no limits of its own. */
  readonly limitsOfOrigin: ReadonlyMap<string, OriginLimits>;
  readonly approvals: ApprovalRules;
};

export type PolicyFault = { readonly name: string; readonly rule: string };

export function readPolicy(
  file: {
    readonly policy: PolicyFile;
    readonly labels: readonly Label[];
    readonly accountLimits: z.output<typeof accountLimitsSchema>;
    readonly originLimits: readonly OriginLimits[];
    readonly approvers?: readonly ApproverFile[] | undefined;
    /** Of the bundle: whoever requests approves nothing. */
    readonly keys?: readonly { readonly keyId: string; readonly publicKey: string }[];
  },
  network: BitcoinNetwork,
): { readonly policy: Policy; readonly faults: readonly PolicyFault[] } {
  const labels = new Map<string, Label>();
  const faults: PolicyFault[] = [];
  for (const [at, label] of file.labels.entries()) {
    const parsed = parseAddress(network, label.address);
    const name = `labels.${at}.address`;
    if (!parsed.ok) {
      faults.push({ name, rule: parsed.refusal.code });
      continue;
    }
    const script = Buffer.from(parsed.value.scriptPubKey).toString("hex");
    if (labels.has(script)) faults.push({ name, rule: "is labelled twice" });
    labels.set(script, label);
  }
  const windowsOfAccount = new Map(file.accountLimits.map(({ account, windows: own }) => [account, own]));
  if (windowsOfAccount.size < file.accountLimits.length) {
    faults.push({ name: "accountLimits", rule: "names an account twice" });
  }
  const {
    maxFeeRateSatPerVbyte: maxFeeRateSatPerKvbyte,
    minFeeRateSatPerVbyte: minFeeRateSatPerKvbyte,
    approvalTiers = [],
    ...rest
  } = file.policy;
  const approving = { approvalTiers, approvers: file.approvers ?? [] };
  faults.push(...approvalFaults(approving, file.keys ?? []));
  return {
    policy: {
      ...{ ...rest, maxFeeRateSatPerKvbyte, minFeeRateSatPerKvbyte, labels, windowsOfAccount },
      limitsOfOrigin: new Map(file.originLimits.map((limits) => [limits.keyId, limits])),
      approvals: readApprovals(approving),
    },
    faults,
  };
}

/** How far back the windows look. */
export function longestWindowMs(policy: Policy): number {
  const own = [...policy.windowsOfAccount.values()].flat();
  const ofOrigins = [...policy.limitsOfOrigin.values()].flatMap((limits) => limits.windows ?? []);
  const internal = policy.internal?.windows ?? [];
  const shared = [...policy.accountWindows, ...policy.destinationWindows, ...policy.walletWindows];
  return Math.max(0, ...[...shared, ...own, ...ofOrigins, ...internal].map(({ windowMs }) => windowMs));
}
