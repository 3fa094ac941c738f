// Which fee rate each class pays: what nodes estimate, held against our own history and the operator's bounds. Pure.
import type { Priority } from "@sluice/contracts";
import { estimateFor, type FeeForTarget } from "@sluice/core";

/** Rates are satoshis for 1000 vbytes throughout. */
export type FeeEstimate = {
  readonly estimatedAtMs: number;
  readonly minimumSatPerKvbyte: bigint;
  readonly estimates: readonly FeeForTarget[];
};

export type FeePolicy = {
  /** What is paid when nothing is known. */
  readonly configuredSatPerKvbyte: bigint;
  readonly floorSatPerKvbyte: bigint;
  readonly ceilingSatPerKvbyte: bigint;
  readonly targetBlocks: Readonly<Record<Priority, number>>;
  /** An older estimate says little of now; the last one is used all the same for twelve times as long. */
  readonly maxAgeMs: number;
  /** An estimate of more than so many times the median of those before it is cut to that. */
  readonly outlierFactor: number;
};

export type FeeAlarm = {
  readonly code: "FEE_ESTIMATE_OUTLIER" | "FEE_ESTIMATE_ABOVE_CEILING" | "FEE_MINIMUM_ABOVE_CEILING";
  readonly detail: string;
};

export type FeeRates = {
  readonly satPerKvbyte: Readonly<Record<Priority, bigint>>;
  readonly source: "estimate" | "last" | "configured";
  readonly alarms: readonly FeeAlarm[];
};

const LAST_GOOD_AGES = 12;
/** Fewer earlier estimates than this are no history to judge by. */
const LEAST_HISTORY = 3;
/** A clock that differs by more makes an estimate one of the future, which would hide all that follow. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** @param history every estimate that is remembered, in any order */
export function feeRates(policy: FeePolicy, history: readonly FeeEstimate[], nowMs: number): FeeRates {
  const known = history
    .filter(({ estimatedAtMs, estimates }) => estimates.length > 0 && estimatedAtMs <= nowMs + CLOCK_TOLERANCE_MS)
    .toSorted((left, right) => right.estimatedAtMs - left.estimatedAtMs);
  const [newest, ...earlier] = known;
  if (newest === undefined || nowMs - newest.estimatedAtMs > policy.maxAgeMs * LAST_GOOD_AGES) {
    const rate = within(policy, policy.configuredSatPerKvbyte);
    return { satPerKvbyte: { fast: rate, normal: rate, economy: rate }, source: "configured", alarms: [] };
  }
  const alarms = new Map<FeeAlarm["code"], string>();
  const minimum = newest.minimumSatPerKvbyte;
  if (minimum > policy.ceilingSatPerKvbyte) {
    alarms.set("FEE_MINIMUM_ABOVE_CEILING", `nodes take nothing below ${minimum} sat for 1000 vbytes`);
  }
  const rateOf = (targetBlocks: number): bigint => {
    const estimated = estimateFor(newest.estimates, targetBlocks) ?? 0n;
    const sane = sanest(
      policy,
      earlier.map((one) => estimateFor(one.estimates, targetBlocks) ?? 0n),
      estimated,
    );
    if (sane < estimated) alarms.set("FEE_ESTIMATE_OUTLIER", `${estimated} is taken for ${sane} sat for 1000 vbytes`);
    if (sane > policy.ceilingSatPerKvbyte) {
      alarms.set("FEE_ESTIMATE_ABOVE_CEILING", `${sane} sat for 1000 vbytes would be needed`);
    }
    return within(policy, larger(sane, minimum));
  };
  // Nodes' estimates need not fall with time; what is more urgent never pays less.
  const economy = rateOf(policy.targetBlocks.economy);
  const normal = larger(economy, rateOf(policy.targetBlocks.normal));
  const fast = larger(normal, rateOf(policy.targetBlocks.fast));
  return {
    satPerKvbyte: { fast, normal, economy },
    source: nowMs - newest.estimatedAtMs > policy.maxAgeMs ? "last" : "estimate",
    alarms: [...alarms].map(([code, detail]) => ({ code, detail })),
  };
}

/** The lower one of two in the middle; null of nothing. */
export function median(values: readonly bigint[]): bigint | null {
  const sorted = values.toSorted((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

function sanest(policy: FeePolicy, earlier: readonly bigint[], estimated: bigint): bigint {
  const usual = earlier.length < LEAST_HISTORY ? null : median(earlier);
  if (usual === null) return estimated;
  const most = larger(usual, policy.floorSatPerKvbyte) * BigInt(policy.outlierFactor);
  return estimated > most ? most : estimated;
}

function within({ floorSatPerKvbyte, ceilingSatPerKvbyte }: FeePolicy, rate: bigint): bigint {
  const raised = larger(rate, floorSatPerKvbyte);
  return raised > ceilingSatPerKvbyte ? ceilingSatPerKvbyte : raised;
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
