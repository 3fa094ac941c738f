// Limits of either side of the zone that every honest payout of these fixtures is within.

const DAY_MS = 24 * 60 * 60 * 1_000;

/** The content of a policy file of semi-offline-risk. */
export const POLICY_FILE = {
  maxPaymentSat: "500000",
  maxFeeSat: "10000",
  maxFeeRateSatPerVbyte: 20,
  minFeeRateSatPerVbyte: 1,
  maxFeePercent: 50,
  maxClearanceAgeMs: DAY_MS,
  accountWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "100000000" }],
  destinationWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "100000000" }],
  walletWindows: [{ windowMs: DAY_MS, maxCount: 100, maxSat: "1000000000" }],
  labels: [] as readonly object[],
};

/** A holder's own caps. */
export const HOLDER_CAPS = {
  maxPaymentSat: 500_000n,
  maxFeeSat: 10_000n,
  maxFeeRateSatPerKvbyte: 20_000n,
  maxFeePercent: 50,
  maxClearanceAgeMs: 7 * DAY_MS,
};
