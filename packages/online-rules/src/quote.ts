// What a withdrawal is said to cost before it is made, and who pays that. Whole satoshis, no floating point.
import { PRIORITIES, type Priority } from "@sluice/contracts";
import { estimateFor, type FeeForTarget } from "@sluice/core";
import { setting } from "@sluice/runtime";
import { z } from "zod";

const batchWaitMs = z.number().int().min(0).max(86_400_000);
const targetBlocks = z.number().int().min(1).max(1_008);

/** Of one asset. The amount paid out is always the amount requested; a customer who pays the fee is charged beside it. */
export const feePolicySchema = z
  .strictObject({
    payer: z.enum(["exchange", "customer"]).default("exchange"),
    /** What one withdrawal of a batch adds to a transaction, its share of inputs and change included. */
    vbytes: z.number().int().min(1).max(100_000).default(150),
    /** In how many blocks a withdrawal of each priority is meant to be paid. */
    targetBlocks: z
      .strictObject({
        fast: targetBlocks.default(2),
        normal: targetBlocks.default(6),
        economy: targetBlocks.default(24),
      })
      .prefault({}),
    /** How long a withdrawal of each priority waits for company: as vault is set (SLUICE_BATCH_WAIT_FAST_MS and so on). */
    batchWaitMs: z
      .strictObject({
        fast: batchWaitMs.default(100),
        normal: batchWaitMs.default(1_000),
        economy: batchWaitMs.default(300_000),
      })
      .prefault({}),
    /** The rate to go by while no node has an estimate. */
    fallbackSatPerVbyte: z.number().int().min(1).max(100_000).default(5),
    floorMinor: setting.minorUnits().default(0n),
    ceilingMinor: setting.minorUnits().default(1_000_000n),
  })
  .refine(({ floorMinor, ceilingMinor }) => floorMinor <= ceilingMinor, "has a floor above its ceiling");

export type FeePolicy = z.output<typeof feePolicySchema>;

/** As the gateway told it last. */
export type FeeEstimates = {
  readonly estimates: readonly FeeForTarget[];
  readonly minimumSatPerKvbyte: bigint;
  readonly estimatedAtMs: number;
};

export type Quote = {
  readonly priority: Priority;
  readonly payer: FeePolicy["payer"];
  readonly feeMinor: bigint;
  readonly targetBlocks: number;
  readonly satPerKvbyte: bigint;
  /** When nodes estimated the rate; null when it is the fallback. */
  readonly estimatedAtMs: number | null;
};

/** Older than this, an estimate says nothing of now. */
export const ESTIMATE_FRESH_MS = 30 * 60 * 1_000;

export function quoteFee(policy: FeePolicy, priority: Priority, told: FeeEstimates | null, nowMs: number): Quote {
  const targetBlocks = policy.targetBlocks[priority];
  const fresh = told !== null && nowMs - told.estimatedAtMs <= ESTIMATE_FRESH_MS ? told : null;
  const estimate = fresh === null ? undefined : estimateFor(fresh.estimates, targetBlocks);
  const minimum = fresh?.minimumSatPerKvbyte ?? 0n;
  const wanted = estimate ?? BigInt(policy.fallbackSatPerVbyte) * 1_000n;
  const satPerKvbyte = wanted > minimum ? wanted : minimum;
  const costMinor = (BigInt(policy.vbytes) * satPerKvbyte + 999n) / 1_000n;
  return {
    ...{ priority, payer: policy.payer, targetBlocks, satPerKvbyte },
    feeMinor: within(policy.floorMinor, costMinor, policy.ceilingMinor),
    estimatedAtMs: estimate === undefined ? null : (fresh?.estimatedAtMs ?? null),
  };
}

export function quoteAll(policy: FeePolicy, told: FeeEstimates | null, nowMs: number): readonly Quote[] {
  return PRIORITIES.map((priority) => quoteFee(policy, priority, told, nowMs));
}

function within(floor: bigint, value: bigint, ceiling: bigint): bigint {
  if (value < floor) return floor;
  return value > ceiling ? ceiling : value;
}
