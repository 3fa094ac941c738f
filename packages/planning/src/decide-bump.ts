// What is done about a transaction that does not get into a block: another version of it that pays more, a child that pays
// for both, or nothing yet, with the reason. Everything in integers. Pure.
import {
  type Coin,
  outpointOf,
  type PlannedPayout,
  type PlannedTransfer,
  planInternalTransfer,
  planPayout,
  type Wallet,
} from "@sluice/chains";

export type BumpCaps = {
  readonly maxFeeSat: bigint;
  readonly maxFeeRateSatPerKvbyte: bigint;
  /** Of the payments. */
  readonly maxFeePercent: number;
  readonly maxBumps: number;
};

export type StuckTransaction = {
  readonly wallet: Wallet;
  readonly feeSat: bigint;
  readonly vbytes: number;
  readonly payments: readonly { readonly withdrawalId: string; readonly address: string; readonly amountSat: bigint }[];
  /** In the transaction's order: the anchor first. */
  readonly inputs: readonly Coin[];
  /** Where the change of a replacement goes: where it went, or somewhere new. */
  readonly changeIndex: number;
  /** Another live transaction of ours spends its change: to replace it would be to take that one's coin away. */
  readonly changeInUse: boolean;
  /** FEE_TOO_LOW or NOT_IN_MEMPOOL, as the gateway says. */
  readonly code: string;
  readonly wantedSatPerKvbyte: bigint;
  /** The least absolute fee of a replacement that nodes take (BIP125), its descendants' fees included. */
  readonly replacementFeeSat: bigint;
  readonly descendants: number;
  readonly bumps: number;
  /** Of ours in no block, what it builds on: a block takes it only together with these. */
  readonly ancestors: readonly Paid[];
  /** What builds on it, of ours, has been made to pay for it as well, or is about to be. */
  readonly lifted: boolean;
};

export type Paid = { readonly feeSat: bigint; readonly vbytes: number };

/** Where a child can be attached, and all of ours above it that is in no block. */
export type ChainEnd = {
  readonly change: Coin;
  readonly ancestors: readonly Paid[];
  readonly changeIndex: number;
};

export type BumpDecision =
  | { readonly kind: "replace"; readonly plan: PlannedPayout }
  | { readonly kind: "child"; readonly plan: PlannedTransfer }
  | { readonly kind: "wait"; readonly code: BumpCode; readonly detail: string };

/** Why nothing is done now. */
export type BumpCode =
  | "BUMPED_TOO_OFTEN"
  | "FEE_IS_ENOUGH"
  | "FEE_OVER_CAP"
  | "PINNED"
  | "CHANGE_IN_USE"
  | "NOT_REPLACEABLE"
  | "INSUFFICIENT_FUNDS"
  | "NOT_PLANNED";

/** What a node adds to the fee of what is replaced, for every 1000 vbytes of the replacement (BIP125, rule 4). */
const INCREMENT_SAT_PER_KVBYTE = 1_000n;

/** `coins` are the wallet's free ones that are in blocks: a replacement may not bring new unconfirmed inputs (BIP125, rule 2). */
export function decideBump(
  stuck: StuckTransaction,
  caps: BumpCaps,
  coins: readonly Coin[],
  end: ChainEnd | null,
): BumpDecision {
  if (stuck.bumps >= caps.maxBumps) return wait("BUMPED_TOO_OFTEN", `${stuck.bumps} times already`);
  if (stuck.lifted || reaches([...stuck.ancestors, stuck], stuck.wantedSatPerKvbyte)) {
    return wait("FEE_IS_ENOUGH", "it pays what a block asks for, or a child does; it is sent again");
  }
  if (stuck.changeInUse) return decideChild(stuck, caps, coins, end, "CHANGE_IN_USE");
  // What pays nobody shares no withdrawal with a second version, so nobody would sign one.
  if (stuck.payments.length === 0) return decideChild(stuck, caps, coins, end, "NOT_REPLACEABLE");
  const replaced = replace(stuck, caps, coins);
  if (replaced.kind === "replace" && fallsShort(stuck, replaced.plan)) {
    // Replaced, its change could not be spent any more, and nothing would lift it and what it builds on.
    const child = decideChild(stuck, caps, coins, end, "CHANGE_IN_USE");
    return child.kind === "child" ? child : replaced;
  }
  if (replaced.kind !== "wait" || replaced.code !== "FEE_OVER_CAP" || stuck.descendants === 0) return replaced;
  // Others' children make the replacement dear; a child of our own has to outbid only what is above it.
  return decideChild(stuck, caps, coins, end, "PINNED");
}

/** As far as the caps permit is not far enough for what it builds on as well. */
function fallsShort({ ancestors, wantedSatPerKvbyte }: StuckTransaction, plan: Paid): boolean {
  return ancestors.length > 0 && !reaches([...ancestors, plan], wantedSatPerKvbyte);
}

/** Whether all together pay at least this rate. */
export function reaches(together: readonly Paid[], wantedSatPerKvbyte: bigint): boolean {
  const feeSat = together.reduce((sum, each) => sum + each.feeSat, 0n);
  const vbytes = together.reduce((sum, each) => sum + each.vbytes, 0);
  return feeSat * 1000n >= wantedSatPerKvbyte * BigInt(vbytes);
}

/**
 * The same payments from the same inputs, the fee out of the change; further coins only as far as that does not suffice. Of those
 * the smallest that will do: if another version confirms, what only this one spent is tied until that lies deep.
 */
function replace(stuck: StuckTransaction, caps: BumpCaps, coins: readonly Coin[]): BumpDecision {
  const falling = coins.toSorted((left, right) => Number(right.amountSat - left.amountSat));
  const single = falling.toReversed().map((coin) => [coin]);
  const several = falling.map((_, at) => falling.slice(0, at + 1)).slice(1);
  for (const more of [[], ...single, ...several]) {
    const tried = replaceFrom(stuck, caps, [...stuck.inputs, ...more]);
    if (tried.kind !== "wait" || tried.code !== "INSUFFICIENT_FUNDS") return tried;
  }
  return wait("INSUFFICIENT_FUNDS", "the change and all free coins do not pay the fee");
}

const TRIES = 4;

function replaceFrom(stuck: StuckTransaction, caps: BumpCaps, inputs: readonly Coin[]): BumpDecision {
  let rate = smaller(wantedAlone(stuck), caps.maxFeeRateSatPerKvbyte);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const planned = planPayout({
      ...{ wallet: stuck.wallet.descriptor, coins: inputs, requiredOutpoints: inputs.map(outpointOf) },
      ...{ payments: stuck.payments, changeIndex: stuck.changeIndex, feeRateSatPerVbyte: Number(rate) / 1000 },
    });
    if (!planned.ok) {
      if (planned.refusal.code === "INSUFFICIENT_FUNDS") return wait("INSUFFICIENT_FUNDS", planned.refusal.detail);
      return wait("NOT_PLANNED", `${planned.refusal.code}: ${planned.refusal.detail}`);
    }
    const { feeSat, vbytes } = planned.value;
    const leastSat = leastReplacementSat(stuck, vbytes);
    const mostSat = capSat(caps, stuck, vbytes);
    if (leastSat > mostSat) return wait("FEE_OVER_CAP", `${leastSat} satoshi are needed, ${mostSat} are allowed`);
    if (feeSat >= leastSat && feeSat <= mostSat) return { kind: "replace", plan: planned.value };
    // Without change the rest is fee too: if that is over the cap, no rate brings it down.
    if (feeSat > mostSat && planned.value.changeSat === null) return wait("INSUFFICIENT_FUNDS", "no change is left");
    rate = ceilDiv((feeSat < leastSat ? leastSat : mostSat) * 1000n, BigInt(vbytes)) - (feeSat > mostSat ? 1n : 0n);
  }
  return wait("NOT_PLANNED", "no fee rate gives a fee between what nodes ask for and what is allowed");
}

/** What it has to pay by itself so that it reaches the wanted rate together with what it builds on. */
function wantedAlone({ ancestors, vbytes, wantedSatPerKvbyte }: StuckTransaction): bigint {
  const missingSat = childFeeSat(ancestors, vbytes, wantedSatPerKvbyte);
  return larger(wantedSatPerKvbyte, ceilDiv(missingSat * 1000n, BigInt(vbytes)));
}

/** Rules 3 and 4 by the gateway's word and by our own arithmetic, and a higher rate than before, whichever asks for most. */
function leastReplacementSat(stuck: StuckTransaction, vbytes: number): bigint {
  const size = BigInt(vbytes);
  const incrementSat = stuck.feeSat + ceilDiv(INCREMENT_SAT_PER_KVBYTE * size, 1000n);
  const higherRateSat = (stuck.feeSat * size) / BigInt(stuck.vbytes) + 1n;
  return [incrementSat, higherRateSat].reduce(larger, stuck.replacementFeeSat);
}

/** The caps hold together: the strictest decides. */
function capSat(caps: BumpCaps, { payments }: StuckTransaction, vbytes: number): bigint {
  const paymentSat = payments.reduce((sum, { amountSat }) => sum + amountSat, 0n);
  const byRateSat = (caps.maxFeeRateSatPerKvbyte * BigInt(vbytes)) / 1000n;
  const byShareSat = (paymentSat * BigInt(caps.maxFeePercent)) / 100n;
  return [caps.maxFeeSat, byShareSat].reduce(smaller, byRateSat);
}

function decideChild(
  stuck: StuckTransaction,
  caps: BumpCaps,
  coins: readonly Coin[],
  end: ChainEnd | null,
  why: "CHANGE_IN_USE" | "NOT_REPLACEABLE" | "PINNED",
): BumpDecision {
  if (end === null) return wait(why, "no replacement is possible, and there is no change of ours for a child to spend");
  const more = coins.toSorted((left, right) => Number(right.amountSat - left.amountSat));
  for (let count = 0; count <= more.length; count += 1) {
    const inputs = [end.change, ...more.slice(0, count)];
    const planned = planChild(stuck, inputs, end, 0n);
    if (!planned.ok && planned.refusal.code === "INSUFFICIENT_FUNDS") continue;
    if (!planned.ok) return wait("NOT_PLANNED", `${planned.refusal.code}: ${planned.refusal.detail}`);
    // How large it is was known only once it was planned; how much it has to pay follows from that.
    const leastFeeSat = childFeeSat(end.ancestors, planned.value.vbytes, stuck.wantedSatPerKvbyte);
    if (
      leastFeeSat > caps.maxFeeSat ||
      leastFeeSat * 1000n > caps.maxFeeRateSatPerKvbyte * BigInt(planned.value.vbytes)
    ) {
      return wait("FEE_OVER_CAP", `a child would have to pay ${leastFeeSat} satoshi`);
    }
    const paying = planChild(stuck, inputs, end, leastFeeSat);
    if (paying.ok) return { kind: "child", plan: paying.value };
  }
  return wait("INSUFFICIENT_FUNDS", "the change and all free coins do not pay for a child");
}

function planChild({ wallet }: StuckTransaction, inputs: readonly Coin[], end: ChainEnd, leastFeeSat: bigint) {
  return planInternalTransfer({
    ...{ wallet: wallet.descriptor, inputs, outputs: 1, changeIndexes: [end.changeIndex] },
    ...{ feeRateSatPerKvbyte: INCREMENT_SAT_PER_KVBYTE, leastFeeSat },
  });
}

/** What a child has to pay so that it and all its unconfirmed ancestors together reach the wanted rate, rounded up. */
export function childFeeSat(ancestors: readonly Paid[], childVbytes: number, wantedSatPerKvbyte: bigint): bigint {
  const vbytes = ancestors.reduce((sum, each) => sum + each.vbytes, childVbytes);
  const paidSat = ancestors.reduce((sum, { feeSat }) => sum + feeSat, 0n);
  const missingSat = ceilDiv(wantedSatPerKvbyte * BigInt(vbytes), 1000n) - paidSat;
  // Its own relay has to be paid for as well, whatever its ancestors pay.
  return larger(missingSat, ceilDiv(INCREMENT_SAT_PER_KVBYTE * BigInt(childVbytes), 1000n));
}

const ceilDiv = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

function larger(left: bigint, right: bigint): bigint {
  if (left > right) return left;
  return right;
}

function smaller(left: bigint, right: bigint): bigint {
  if (left < right) return left;
  return right;
}

function wait(code: BumpCode, detail: string): BumpDecision {
  return { kind: "wait", code, detail };
}
