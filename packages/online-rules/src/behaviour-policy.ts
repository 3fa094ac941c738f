// What a policy asks of an account's behaviour. A rule that the policy does not name is not asked.
import { setting } from "@sluice/runtime";
import { CREDENTIALS } from "@sluice/signals";
import { z } from "zod";
import { approvals, longMs } from "./policy-parts.ts";

const day = 24 * 60 * 60 * 1_000;
const count = z.number().int().min(1).max(1_000_000);
const weight = z.number().min(0).max(1_000);

/** What becomes of a withdrawal that the rule speaks against. */
const action = z.union([z.strictObject({ approvals }), z.strictObject({ delayMs: longMs }), z.literal("reject")]);
export type Consequence = z.output<typeof action>;

/** Whose withdrawals count together. A device and an IP address are those of the account's newest log-in. */
export const SCOPES = ["account", "destination", "device", "ip", "asset", "all"] as const;
export type VelocityScope = (typeof SCOPES)[number];

const window = z
  .strictObject({
    over: z.enum(SCOPES),
    windowMs: longMs,
    maxCount: z.number().int().min(0).optional(),
    /** Of this asset alone. */
    maxMinor: setting.minorUnits().optional(),
    /** Of all assets together, in minor units of the reference currency. */
    maxReferenceMinor: setting.minorUnits().optional(),
  })
  .refine(
    ({ maxCount, maxMinor, maxReferenceMinor }) =>
      [maxCount, maxMinor, maxReferenceMinor].some((max) => max !== undefined),
    { message: "bounds nothing: give maxCount, maxMinor or maxReferenceMinor" },
  );
export type ScopedWindow = z.output<typeof window>;

const reference = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3,8}$/, "is a currency such as USD"),
  /** Minor units of the reference currency for one whole unit of the asset (for 1 BTC, not for one satoshi). */
  rates: z.strictObject({ BTC: setting.minorUnits() }),
});
export type Reference = z.output<typeof reference>;

export const behaviourSchema = z
  .strictObject({
    reference: reference.optional(),
    windows: z.array(window).default([]),
    unusualAmount: z.strictObject({ minPast: count, deviations: z.number().min(1).max(100), action }).optional(),
    unusualHour: z.strictObject({ minPast: count, withinHours: z.number().min(0).max(11), action }).optional(),
    profit: z
      .strictObject({
        windowMs: longMs,
        deviations: z.number().min(1).max(100),
        aboveMinor: setting.minorUnits(),
        action,
      })
      .optional(),
    turnRound: z.strictObject({ windowMs: longMs, percent: z.number().int().min(1).max(100), action }).optional(),
    dormant: z.strictObject({ idleMs: longMs, watchMs: longMs, action }).optional(),
    changes: z
      .strictObject({ windowMs: longMs, of: z.array(z.enum(CREDENTIALS)).min(1), atLeast: count, action })
      .optional(),
    newDevice: z.strictObject({ youngMs: longMs, action }).optional(),
    newCountry: z.strictObject({ youngMs: longMs, action }).optional(),
    travel: z
      .strictObject({ windowMs: longMs, kmPerHour: z.number().min(1).max(100_000), countryChangeMs: longMs, action })
      .optional(),
    sharedDevice: z.strictObject({ windowMs: longMs, accounts: count, action }).optional(),
    compromise: z
      .strictObject({
        halfLifeMs: longMs,
        at: z.number().min(1).max(100_000),
        weights: z
          .strictObject({
            failedLogin: weight.default(5),
            newDevice: weight.default(20),
            newCountry: weight.default(30),
            credential: weight.default(20),
            refusedOffline: weight.default(40),
          })
          .prefault({}),
        action,
      })
      .optional(),
    fanIn: z.strictObject({ windowMs: longMs, accounts: count, action }).optional(),
  })
  .refine(({ reference: given, windows, profit }) => given !== undefined || !needsReference(windows, profit), {
    message: "needs a reference currency with its rates: something is bounded in it",
    path: ["reference"],
  });

export type BehaviourPolicy = z.output<typeof behaviourSchema>;

/** What an account usually gains is read from this much of its past. */
export const HISTORY_MS = 180 * day;

function needsReference(windows: readonly ScopedWindow[], profit: object | undefined): boolean {
  return profit !== undefined || windows.some(({ maxReferenceMinor }) => maxReferenceMinor !== undefined);
}
