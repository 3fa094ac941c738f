// How unusual an amount is beside earlier ones: the robust z-score of its logarithm (median and MAD; Iglewicz and
// Hoaglin 1993). Whole numbers only, so that it is the same everywhere and a larger amount never scores lower. Pure.

/** Logarithms are whole numbers of this part of a doubling. */
const FRACTION_BITS = 16;
const ONE = 1n << BigInt(FRACTION_BITS);
const MANTISSA_BITS = 64;

/** 0.6745 is the MAD of a standard normal distribution: the score then reads like a number of standard deviations. */
const MAD_OF_NORMAL_PER_10000 = 6_745n;

/** A quarter of a doubling: who always paid the same may pay a little more without being called unusual. */
const LEAST_MAD = ONE / 4n;

export type Unusual = {
  /** In thousandths; above zero is more than usual. */
  readonly scoreThousandths: bigint;
  /** The middle of the earlier amounts. */
  readonly median: bigint;
  /** In thousandths of a doubling, never under 250. */
  readonly madThousandths: bigint;
  readonly count: number;
};

/**
 * Null while there are fewer earlier amounts than `minimumCount`. The order of `earlier` says nothing.
 * @throws RangeError for an amount that is not above zero: a caller's fault, which must not be judged as usual
 */
export function scoreAmount(earlier: readonly bigint[], amount: bigint, minimumCount: number): Unusual | null {
  const candidate = log2(amount);
  if (earlier.length < Math.max(1, minimumCount)) return null;
  const logs = earlier.map(log2);
  const middle = median(logs);
  const spread = median(logs.map((each) => (each > middle ? each - middle : middle - each)));
  const mad = spread < LEAST_MAD ? LEAST_MAD : spread;
  const above = (candidate - middle) * 1_000n * MAD_OF_NORMAL_PER_10000;
  return {
    scoreThousandths: floorDivide(above, 10_000n * mad),
    median: median(earlier),
    madThousandths: (mad * 1_000n) / ONE,
    count: earlier.length,
  };
}

/**
 * The logarithm to base 2 of a whole number above zero, in parts of 2^-16, rounded down. By repeated squaring; every
 * step rounds down, so that it never falls as its argument grows.
 */
export function log2(value: bigint): bigint {
  if (value <= 0n) throw new RangeError("only an amount above zero has a logarithm");
  const bits = value.toString(2).length;
  const shift = BigInt(MANTISSA_BITS - bits);
  let mantissa = shift >= 0n ? value << shift : value >> -shift;
  let result = BigInt(bits - 1);
  for (let bit = 0; bit < FRACTION_BITS; bit += 1) {
    mantissa = (mantissa * mantissa) >> BigInt(MANTISSA_BITS - 1);
    result <<= 1n;
    if (mantissa >> BigInt(MANTISSA_BITS) === 0n) continue;
    result |= 1n;
    mantissa >>= 1n;
  }
  return result;
}

/** Of two in the middle the mean, rounded down. */
function median(values: readonly bigint[]): bigint {
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  if (low === undefined || high === undefined) throw new RangeError("nothing has no middle");
  return (low + high) / 2n;
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value < 0n && value % by !== 0n ? value / by - 1n : value / by;
}
