// What each risk side of a stack goes by, unless a caller says otherwise. Amounts are satoshi as decimal text.

const HOUR_MS = 60 * 60 * 1_000;

export type Label = {
  readonly address: string;
  readonly tier: "white" | "grey" | "black";
  readonly category: string;
  readonly reason: string;
};

export type Policies = {
  readonly online: object;
  readonly offline: object;
};

export type PolicyChoices = {
  readonly onlineLabels?: readonly Label[];
  readonly offlineLabels?: readonly Label[];
  readonly online?: object;
  readonly offline?: object;
};

/** The two sides have lists and limits of their own; nothing is shared between them. */
export function policies(choices: PolicyChoices): Policies {
  return {
    online: {
      maxAmountMinor: "1000000000",
      accountWindows: [
        { windowMs: HOUR_MS, maxCount: 10_000, maxMinor: "10000000000" },
        { windowMs: 24 * HOUR_MS, maxCount: 100_000, maxMinor: "100000000000" },
      ],
      newDestination: { aboveMinor: "500000000", approvals: 1 },
      labels: choices.onlineLabels ?? [],
      ...choices.online,
    },
    offline: {
      maxPaymentSat: "2000000000",
      maxFeeSat: "1000000",
      maxFeeRateSatPerVbyte: 200,
      minFeeRateSatPerVbyte: 1,
      maxFeePercent: 50,
      maxClearanceAgeMs: 24 * HOUR_MS,
      maxBundleAgeMs: 7 * 24 * HOUR_MS,
      accountWindows: [{ windowMs: 24 * HOUR_MS, maxCount: 100_000, maxSat: "100000000000" }],
      destinationWindows: [{ windowMs: 24 * HOUR_MS, maxCount: 100_000, maxSat: "100000000000" }],
      walletWindows: [{ windowMs: 24 * HOUR_MS, maxCount: 1_000_000, maxSat: "1000000000000" }],
      // A stack has no history to speak of: what is a thousand times the usual spread is refused, and nothing less.
      baseline: {
        historyMs: 30 * 24 * HOUR_MS,
        minimumCount: 20,
        account: { delayScore: 1_000, refuseScore: 1_000 },
        wallet: { delayScore: 1_000, refuseScore: 1_000 },
        delayMs: HOUR_MS,
      },
      internal: {
        maxFeeSat: "1000000",
        maxFeeRateSatPerVbyte: 1_000,
        maxOutputs: 20,
        windows: [{ windowMs: 24 * HOUR_MS, maxCount: 1_000, maxSat: "100000000" }],
      },
      large: { delayAboveSat: "2000000000", delayMs: HOUR_MS, releaseAboveSat: "2000000000" },
      accountLimits: [],
      labels: choices.offlineLabels ?? [],
      ...choices.offline,
    },
  };
}
