// Whether the hot wallet's shortage is told of: when it begins, when it changes markedly, and when it is over. Pure.

export type Shortage = {
  /** 0 when nothing waits for funds. */
  readonly missingSat: bigint;
  readonly waitingWithdrawals: number;
};

/** What was told last. */
export type ToldShortage = Pick<Shortage, "missingSat"> & { readonly toldAtMs: number };

/** A payment with its share of a transaction, and a coin that has to be spent for it: rather too much than too little. */
const VBYTES_PER_WITHDRAWAL = 100;
const VBYTES_PER_COIN = 106;
/** So many coins may come of a refill. */
const NEW_COINS = 2;

/** What has to come in so that all that wait for funds can be paid, fees included. */
export function shortageOf(waiting: {
  readonly amountsSat: bigint;
  readonly withdrawals: number;
  /** What is free, unconfirmed change of our own too: that comes back by itself. */
  readonly freeSat: bigint;
  readonly freeCoins: number;
  readonly feeRateSatPerKvbyte: bigint;
}): Shortage {
  const { amountsSat, withdrawals, freeSat, freeCoins, feeRateSatPerKvbyte } = waiting;
  if (withdrawals === 0) return { missingSat: 0n, waitingWithdrawals: 0 };
  const vbytes = VBYTES_PER_WITHDRAWAL * withdrawals + VBYTES_PER_COIN * (freeCoins + NEW_COINS);
  const reserveSat = (BigInt(vbytes) * feeRateSatPerKvbyte + 999n) / 1_000n;
  const missingSat = amountsSat + reserveSat - freeSat;
  // They could not be paid although the sum looks sufficient: the coins are too small for their own fees, or just so.
  return { missingSat: missingSat > reserveSat ? missingSat : reserveSat, waitingWithdrawals: withdrawals };
}

/** Never twice within the pause, however the sum moves meanwhile; after it, what is true then is told. */
export function tellsOfRefill(
  told: ToldShortage | null,
  { missingSat }: Shortage,
  nowMs: number,
  pauseMs: number,
): boolean {
  if (told === null) return missingSat > 0n;
  if (nowMs - told.toldAtMs < pauseMs) return false;
  if (missingSat === 0n || told.missingSat === 0n) return missingSat !== told.missingSat;
  const change = missingSat > told.missingSat ? missingSat - told.missingSat : told.missingSat - missingSat;
  return change * 10n >= told.missingSat;
}

/**
 * Where the missing coins are to go: the index of the receiving branch after every one that a coin was paid to or that was
 * named before. Not a gap limit or more beyond the last that was paid, where nobody would look: when so many were named in
 * vain, the first of those comes again.
 */
export function freshReceivingIndex(used: readonly number[], lastNamed: number | null, gapLimit: number): number {
  const highestUsed = used.reduce((highest, index) => Math.max(highest, index), -1);
  const next = Math.max(highestUsed, lastNamed ?? -1) + 1;
  return next <= highestUsed + gapLimit ? next : highestUsed + 1;
}
