// What a wallet paid over a year, and what its coins will still cost.

/** A payout as it was made. */
export type Payout = {
  readonly inputs: number;
  readonly feeSat: bigint;
  readonly changeless: boolean;
  readonly vbytes: number;
};

export type Account = {
  readonly feesSat: bigint;
  readonly inputs: number;
  readonly vbytes: number;
  readonly changelessPercent: number;
  readonly coinsLeft: number;
  /** Fees, and what it costs at the long-term rate to spend the coins that are left. */
  readonly feesAndRestSat: bigint;
};

export const LONG_TERM_SAT_PER_VBYTE = 10;
/** Of an input of 2-of-3 P2WSH. */
const INPUT_VBYTES = 104.5;

export function accountOf(payouts: readonly Payout[], coinsLeft: number): Account {
  const feesSat = payouts.reduce((sum, { feeSat }) => sum + feeSat, 0n);
  const changeless = payouts.filter((payout) => payout.changeless).length;
  return {
    feesSat,
    inputs: payouts.reduce((sum, { inputs }) => sum + inputs, 0),
    vbytes: payouts.reduce((sum, { vbytes }) => sum + vbytes, 0),
    changelessPercent: Math.round((1_000 * changeless) / payouts.length) / 10,
    coinsLeft,
    feesAndRestSat: feesSat + BigInt(coinsLeft * INPUT_VBYTES * LONG_TERM_SAT_PER_VBYTE),
  };
}
