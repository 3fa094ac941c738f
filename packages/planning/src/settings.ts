// The settings by which vault plans, and the policies that are made of them.
import type { Priority } from "@sluice/contracts";
import { setting, type z } from "@sluice/runtime";
import type { InternalTransferPolicy } from "./decide-internal-transfer.ts";
import type { FeePolicy } from "./fee-rates.ts";

const feeRate = setting.whole({ min: 1, max: 10_000 });
const blocks = setting.whole({ min: 1, max: 1_008 });

export const planningSettings = {
  /** What is paid while nodes' estimates are not known. */
  SLUICE_FEE_RATE_SAT_PER_VBYTE: feeRate,
  SLUICE_FEE_RATE_MIN_SAT_PER_VBYTE: feeRate.default(1),
  SLUICE_FEE_RATE_MAX_SAT_PER_VBYTE: feeRate.default(200),
  /** In how many blocks a withdrawal of each class is meant to be confirmed. */
  SLUICE_FEE_TARGET_FAST_BLOCKS: blocks.default(2),
  SLUICE_FEE_TARGET_NORMAL_BLOCKS: blocks.default(6),
  SLUICE_FEE_TARGET_ECONOMY_BLOCKS: blocks.default(24),
  SLUICE_FEE_ESTIMATE_MAX_AGE_MS: setting.durationMs().default(1_800_000),
  /** More than so many times the usual estimate is not believed. */
  SLUICE_FEE_OUTLIER_FACTOR: setting.whole({ min: 2, max: 1_000 }).default(5),
  SLUICE_BATCH_MAX_WITHDRAWALS: setting.whole({ min: 1, max: 100 }).default(10),
  /** A withdrawal of each class waits so long for company, unless the batch is full or another's time comes before. */
  SLUICE_BATCH_WAIT_FAST_MS: setting.durationMs().default(100),
  SLUICE_BATCH_WAIT_MS: setting.durationMs().default(1_000),
  SLUICE_BATCH_WAIT_ECONOMY_MS: setting.durationMs().default(300_000),
  SLUICE_SPEND_UNCONFIRMED_CHANGE: setting.flag().default(true),
  /** Change that is in no block for longer is not counted on. */
  SLUICE_UNCONFIRMED_CHANGE_MAX_AGE_MS: setting.durationMs().default(21_600_000),
  /**
   * So many blocks have to lie above a payout before a coin that only another version of it spent pays others: as many as the
   * gateway follows a fork back (SLUICE_DEEPEST_FORK_BLOCKS), or more.
   */
  SLUICE_LOST_COIN_BLOCKS: setting.whole({ min: 1, max: 1_000_000 }).default(100),
  /** A wallet that is short of funds says so at most this often. */
  SLUICE_REFILL_PAUSE_MS: setting.durationMs().default(60_000),
  /** Coins below this are small. */
  SLUICE_SMALL_COIN_SAT: setting.minorUnits().default(100_000n),
  /** So many small coins are made one while fees are low; 0: never. */
  SLUICE_CONSOLIDATE_COINS: setting.whole({ min: 0, max: 100 }).default(20),
  SLUICE_CONSOLIDATE_BELOW_PERCENT: setting.whole({ min: 1, max: 100 }).default(50),
  /** So many coins that are not small are to be free, or a large one is split; 0: never. */
  SLUICE_KEEP_FREE_COINS: setting.whole({ min: 0, max: 100 }).default(4),
  /** How often coins are looked at for that. */
  SLUICE_TIDY_EVERY_MS: setting.durationMs().default(30_000),
  SLUICE_INTERNAL_MAX_FEE_SAT: setting.minorUnits().default(50_000n),
  SLUICE_INTERNAL_MAX_FEE_RATE_SAT_PER_VBYTE: feeRate.default(20),
  SLUICE_INTERNAL_MAX_OUTPUTS: setting.whole({ min: 2, max: 100 }).default(10),
};

type PlanningSettings = z.output<z.ZodObject<typeof planningSettings>>;

export function faultsOfPlanning(settings: PlanningSettings, context: z.RefinementCtx): void {
  if (settings.SLUICE_FEE_RATE_MIN_SAT_PER_VBYTE <= settings.SLUICE_FEE_RATE_MAX_SAT_PER_VBYTE) return;
  const message = "is below SLUICE_FEE_RATE_MIN_SAT_PER_VBYTE";
  context.addIssue({ code: "custom", path: ["SLUICE_FEE_RATE_MAX_SAT_PER_VBYTE"], message });
}

/** How long a withdrawal of each class waits for company. */
export function batchWaitsOf(settings: PlanningSettings): Readonly<Record<Priority, number>> {
  return {
    fast: settings.SLUICE_BATCH_WAIT_FAST_MS,
    normal: settings.SLUICE_BATCH_WAIT_MS,
    economy: settings.SLUICE_BATCH_WAIT_ECONOMY_MS,
  };
}

export function feePolicyOf(settings: PlanningSettings): FeePolicy {
  return {
    configuredSatPerKvbyte: perKvbyte(settings.SLUICE_FEE_RATE_SAT_PER_VBYTE),
    floorSatPerKvbyte: perKvbyte(settings.SLUICE_FEE_RATE_MIN_SAT_PER_VBYTE),
    ceilingSatPerKvbyte: perKvbyte(settings.SLUICE_FEE_RATE_MAX_SAT_PER_VBYTE),
    targetBlocks: {
      fast: settings.SLUICE_FEE_TARGET_FAST_BLOCKS,
      normal: settings.SLUICE_FEE_TARGET_NORMAL_BLOCKS,
      economy: settings.SLUICE_FEE_TARGET_ECONOMY_BLOCKS,
    },
    maxAgeMs: settings.SLUICE_FEE_ESTIMATE_MAX_AGE_MS,
    outlierFactor: settings.SLUICE_FEE_OUTLIER_FACTOR,
  };
}

export function internalTransferPolicyOf(settings: PlanningSettings): InternalTransferPolicy {
  return {
    smallCoinSat: settings.SLUICE_SMALL_COIN_SAT,
    consolidateCoins: settings.SLUICE_CONSOLIDATE_COINS,
    consolidateBelowPercent: settings.SLUICE_CONSOLIDATE_BELOW_PERCENT,
    keepFreeCoins: settings.SLUICE_KEEP_FREE_COINS,
    maxFeeSat: settings.SLUICE_INTERNAL_MAX_FEE_SAT,
    maxFeeRateSatPerKvbyte: perKvbyte(settings.SLUICE_INTERNAL_MAX_FEE_RATE_SAT_PER_VBYTE),
    maxOutputs: settings.SLUICE_INTERNAL_MAX_OUTPUTS,
  };
}

function perKvbyte(satPerVbyte: number): bigint {
  return BigInt(satPerVbyte) * 1_000n;
}
