// The online policy as a person writes it, and as the rules use it.
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import type { Asset, VelocityWindow } from "@sluice/core";
import { setting } from "@sluice/runtime";
import { z } from "zod";
import { type AllowListPolicy, allowListSchema } from "./allow-list-rule.ts";
import { type BehaviourPolicy, behaviourSchema } from "./behaviour-policy.ts";
import { type ScreeningPolicy, screeningSchema } from "./label-rule.ts";
import { type OriginPolicy, originsSchema } from "./origin-rule.ts";
import { approvals, longMs } from "./policy-parts.ts";
import { type FeePolicy, feePolicySchema } from "./quote.ts";
import { RULES } from "./rules.ts";

const days = 24 * 60 * 60 * 1_000;

/** How the semi-offline zone's word is heeded. */
const zoneRules = z
  .strictObject({
    /** A report's number may stay open for so long. */
    gapMs: longMs.default(60_000),
    /** The zone may be silent for so long. */
    zoneSilentMs: longMs.default(60_000),
    /** An account of which the zone refused a withdrawal needs an approval for so long. */
    refusedMs: longMs.default(days),
  })
  .prefault({});

export const policyFileSchema = z.strictObject({
  accountWindows: z.array(
    z
      .strictObject({
        windowMs: longMs,
        maxCount: z.number().int().min(0).optional(),
        maxMinor: setting.minorUnits().optional(),
      })
      .refine((window) => window.maxCount !== undefined || window.maxMinor !== undefined, {
        message: "bounds nothing: give maxCount or maxMinor",
      }),
  ),
  maxAmountMinor: setting.minorUnits(),
  /** Beyond `aboveMinor`, money to a destination waits until it was known for delayMs, or until people approve it once. */
  newDestination: z.union([
    z.strictObject({ aboveMinor: setting.minorUnits(), delayMs: longMs }),
    z.strictObject({ aboveMinor: setting.minorUnits(), approvals }),
  ]),
  labels: z.array(
    z.strictObject({
      address: z.string().min(1),
      tier: z.enum(["white", "grey", "black"]),
      category: z.string().min(1).max(64),
      reason: z.string().min(1).max(500),
    }),
  ),
  screening: screeningSchema,
  allowList: allowListSchema,
  zone: zoneRules,
  behaviour: behaviourSchema.prefault({}),
  origins: originsSchema,
  /**
   * The larger the amount, the more people have to approve what any rule holds: of the tiers that it is above, the most
   * demanding counts. With `always` a tier holds by itself too.
   */
  approvalTiers: z
    .array(z.strictObject({ aboveMinor: setting.minorUnits(), approvals, always: z.boolean().optional() }))
    .default([]),
  /** Above it an approval has to say what it is for: the semi-offline zone counts no other. */
  boundApprovalsAboveMinor: setting.minorUnits().optional(),
  /** What it takes to lift a suspension: so many people, each with an answer to every item. */
  reopening: z
    .strictObject({
      people: z.number().int().min(2).max(10).default(2),
      checklist: z
        .record(z.string().regex(/^[a-z][a-z-]{0,31}$/, "is a word such as cause-known"), z.string().min(1).max(200))
        .default({
          "cause-known": "what happened, and how it is known",
          "way-closed": "what was done so that it cannot go on",
          "waiting-checked": "who looked at what waits, and what was found",
        }),
    })
    .prefault({}),
  /** These rules are asked, and what they would have done is noted, but nothing comes of it. */
  shadow: z
    .array(
      z
        .string()
        .refine(
          (name) => name !== "SUSPENDED" && RULES.some(({ rule }) => rule === name),
          "is no rule that may be in shadow",
        ),
    )
    .default([]),
  fees: z.strictObject({ BTC: feePolicySchema.prefault({}) }).prefault({}),
});

export type PolicyFile = z.output<typeof policyFileSchema>;

export type Label = Omit<PolicyFile["labels"][number], "address">;

export type Policy = {
  readonly accountWindows: readonly VelocityWindow[];
  readonly maxAmountMinor: bigint;
  readonly newDestination: PolicyFile["newDestination"];
  readonly screening: ScreeningPolicy;
  readonly allowList: AllowListPolicy;
  readonly zone: PolicyFile["zone"];
  readonly behaviour: BehaviourPolicy;
  readonly origins: readonly OriginPolicy[];
  readonly approvalTiers: PolicyFile["approvalTiers"];
  readonly boundApprovalsAboveMinor?: bigint | undefined;
  readonly shadow: readonly string[];
  readonly reopening: PolicyFile["reopening"];
  readonly fees: Readonly<Record<Asset, FeePolicy>>;
  /** By scriptPubKey in hexadecimal: two spellings of one address are one destination. */
  readonly labels: ReadonlyMap<string, Label>;
};

export type LabelFault = { readonly path: readonly (string | number)[]; readonly rule: string };

/** The policy on one network, or every label whose address is not of it or is labelled twice. */
export function readPolicy(
  file: PolicyFile,
  network: BitcoinNetwork,
): Policy | { readonly faults: readonly LabelFault[] } {
  const labels = new Map<string, Label>();
  const faults: LabelFault[] = [];
  for (const [index, { address, ...label }] of file.labels.entries()) {
    const fault = (rule: string) => ({ path: ["labels", index, "address"], rule });
    const parsed = parseAddress(network, address);
    const script = parsed.ok ? Buffer.from(parsed.value.scriptPubKey).toString("hex") : "";
    if (!parsed.ok) faults.push(fault(`${parsed.refusal.code}: ${parsed.refusal.detail}`));
    else if (labels.has(script)) faults.push(fault("is labelled already"));
    else labels.set(script, label);
  }
  if (faults.length > 0) return { faults };
  const windows = file.accountWindows.map(({ windowMs, maxCount, maxMinor }) => ({
    windowMs,
    ...(maxCount === undefined ? {} : { maxCount }),
    ...(maxMinor === undefined ? {} : { maxMinor }),
  }));
  return { ...file, accountWindows: windows, labels };
}
