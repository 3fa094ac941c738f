// A year of an exchange's hot wallet, made from a seed: deposits, fee rates and batches of payouts. Pure.

export type Payment = { readonly address: string; readonly amountSat: bigint };

export type Step = {
  readonly feeRateSatPerVbyte: number;
  /** New coins, which are in a block before the payout. */
  readonly depositsSat: readonly bigint[];
  readonly amountsSat: readonly bigint[];
};

export type Shape = {
  readonly steps: number;
  readonly stepsPerDay: number;
  /** What the wallet is filled up to. */
  readonly floatSat: bigint;
  readonly medianDepositSat: number;
  readonly medianPaymentSat: number;
  readonly paymentsAtMost: number;
};

/** A batch a day of one to thirty payouts, most of a thousandth to a hundredth of a bitcoin, from deposits of all sizes. */
export const YEAR: Shape = {
  steps: 365,
  stepsPerDay: 1,
  floatSat: 300_000_000n,
  medianDepositSat: 2_000_000,
  medianPaymentSat: 400_000,
  paymentsAtMost: 30,
};

/** One seed has one year. */
export function makeYear(seed: number, shape: Shape = YEAR): readonly Step[] {
  const random = randomFrom(seed);
  const rates = feeRates(random, shape);
  let balanceSat = 0n;
  return rates.map((feeRateSatPerVbyte) => {
    const depositsSat: bigint[] = [];
    while (balanceSat < shape.floatSat) {
      const amountSat = logNormalSat(random, shape.medianDepositSat, 1.3, 100_000_000);
      depositsSat.push(amountSat);
      balanceSat += amountSat;
    }
    const count = 1 + Math.floor(random() * random() * shape.paymentsAtMost);
    const amountsSat = Array.from({ length: count }, () =>
      logNormalSat(random, shape.medianPaymentSat, 1.2, 10_000_000),
    );
    balanceSat -= amountsSat.reduce((sum, amountSat) => sum + amountSat, 0n);
    return { feeRateSatPerVbyte, depositsSat, amountsSat };
  });
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seasons of four months about 10 sat/vB, days that hang together, and now and then a rush: 1 to 150 sat/vB. */
function feeRates(random: () => number, { steps, stepsPerDay }: Shape): readonly number[] {
  const phase = random() * 2 * Math.PI;
  let drift = 0;
  let rush = 0;
  return Array.from({ length: steps }, (_, step) => {
    const day = step / stepsPerDay;
    drift = 0.9 * drift + 0.25 * normal(random);
    rush = random() < 0.01 ? 1.5 : 0.8 * rush;
    const season = 1.3 * Math.sin(phase + (2 * Math.PI * day) / 121);
    const rate = 8 * Math.exp(season + drift + rush);
    return Math.round(10 * Math.min(150, Math.max(1, rate))) / 10;
  });
}

function logNormalSat(random: () => number, median: number, sigma: number, most: number): bigint {
  return BigInt(Math.round(Math.min(most, Math.max(10_000, median * Math.exp(sigma * normal(random))))));
}

/** Box and Muller's transform. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
