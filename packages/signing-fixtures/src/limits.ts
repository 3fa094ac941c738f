// Limits of either side of the zone that every honest payout of these fixtures is within.

const DAY_MS = 24 * 60 * 60 * 1_000;

/** The policy of semi-offline-risk, with its labels and account limits: nothing is unusual or large by it. */
export const POLICY_FILE = {
  maxPaymentSat: "500000",
  maxFeeSat: "10000",
  maxFeeRateSatPerVbyte: 20,
  minFeeRateSatPerVbyte: 1,
  maxFeePercent: 50,
  maxClearanceAgeMs: DAY_MS,
  maxBundleAgeMs: 7 * DAY_MS,
  accountWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "100000000" }],
  destinationWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "100000000" }],
  walletWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "1000000000" }],
  baseline: {
    historyMs: 30 * DAY_MS,
    minimumCount: 20,
    account: { delayScore: 1_000, refuseScore: 1_000 },
    wallet: { delayScore: 1_000, refuseScore: 1_000 },
    delayMs: 0,
  },
  internal: {
    maxFeeSat: "10000",
    maxFeeRateSatPerVbyte: 40,
    maxOutputs: 5,
    windows: [{ windowMs: DAY_MS, maxCount: 3, maxSat: "20000" }],
  },
  large: { delayAboveSat: "500000", delayMs: 0, releaseAboveSat: "500000" },
  labels: [] as readonly object[],
  accountLimits: [] as readonly object[],
};

/** A holder's own caps. */
export const HOLDER_CAPS = {
  maxPaymentSat: 500_000n,
  maxFeeSat: 10_000n,
  maxFeeRateSatPerKvbyte: 20_000n,
  maxFeePercent: 50,
  maxClearanceAgeMs: 7 * DAY_MS,
  internal: { maxFeeSat: 10_000n, maxFeeRateSatPerKvbyte: 40_000n, maxOutputs: 5 },
};
