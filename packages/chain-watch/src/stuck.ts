// When a transaction is stuck, with what fee it could be replaced, and when that is worth saying again.

/** As a node's mempool has it. "With" counts the transaction itself. */
export type MempoolEntry = {
  readonly vbytes: number;
  readonly feeSat: bigint;
  readonly withAncestors: Package;
  readonly withDescendants: Package;
  /** Without itself. */
  readonly descendants: number;
  /** What the node asks for relaying anything that takes the place of something, in satoshis per 1000 vbytes. */
  readonly incrementalSatPerKvbyte: bigint;
};

export type Package = { readonly vbytes: number; readonly feeSat: bigint };

export type StuckPolicy = {
  /** Nothing is stuck before so much time and so many blocks have passed. */
  readonly afterMs: number;
  readonly afterBlocks: number;
};

export type Pending = {
  readonly sinceMs: number;
  readonly blocksSince: number;
  /** How often in a row no node had it when it was to be sent again. */
  readonly misses: number;
  /** As vault released it; null when that is not known. */
  readonly feeSat: bigint | null;
  /** At most. */
  readonly vbytes: number;
  /** Null when no node has it. */
  readonly entry: MempoolEntry | null;
  /** What a block of the near future asks for; null when nobody knows. */
  readonly wantedSatPerKvbyte: bigint | null;
  /** Why a quorum of nodes says that no time and no fee will make them take it; null or absent while none says so. */
  readonly neverCode?: string | null;
};

export type Stuck = {
  readonly code: "FEE_TOO_LOW" | "NOT_IN_MEMPOOL" | "UNACCEPTABLE";
  readonly wantedSatPerKvbyte: bigint;
  readonly replacementFeeSat: bigint;
  readonly descendants: number;
  /** Of what is UNACCEPTABLE, why, and whether the wallet's next transaction would fare the same. */
  readonly refusalCode?: string;
  readonly stopsLane?: boolean;
};

/**
 * Of what nodes never take, what says that the wallet's next transaction would fare the same: signatures that do not hold, bytes
 * that break the chain's own rules, fees or burnt money beyond what nodes let pass. Its lane stops. What is left (DUST,
 * NOT_STANDARD) is about one payment: a person has to look, and nobody else waits. A coin that something else has spent in a
 * block is no matter of reasons: it is found in the block, told of as a conflict, and stops the lane by that.
 */
export const STOPS_LANE: readonly string[] = ["SCRIPT_FAILED", "INVALID", "FEE_ABSURD", "BURNS_MONEY"];

/** So often in a row is no chance: a node that was started anew has what it is sent the first time. */
const MISSES = 3;

/** Null while it may still get in by itself; what nodes never take is told of at once. Unknown is not stuck: without an estimate no fee is too low. */
export function judgeStuck(pending: Pending, { afterMs, afterBlocks }: StuckPolicy, nowMs: number): Stuck | null {
  const { entry, wantedSatPerKvbyte, misses, neverCode = null } = pending;
  if (entry === null && neverCode !== null) {
    const unbumped = { wantedSatPerKvbyte: 0n, replacementFeeSat: 0n, descendants: 0 };
    return { code: "UNACCEPTABLE", ...unbumped, refusalCode: neverCode, stopsLane: STOPS_LANE.includes(neverCode) };
  }
  if (nowMs - pending.sinceMs < afterMs || pending.blocksSince < afterBlocks) return null;
  if (entry === null) {
    if (misses < MISSES) return null;
    const replacementFeeSat = pending.feeSat === null ? 0n : pending.feeSat + feeFor(pending.vbytes, RELAY);
    return { code: "NOT_IN_MEMPOOL", wantedSatPerKvbyte: wantedSatPerKvbyte ?? 0n, replacementFeeSat, descendants: 0 };
  }
  if (wantedSatPerKvbyte === null || effectiveSatPerKvbyte(entry) >= wantedSatPerKvbyte) return null;
  const { descendants } = entry;
  return { code: "FEE_TOO_LOW", wantedSatPerKvbyte, replacementFeeSat: replacementFeeSat(entry), descendants };
}

/** Bitcoin Core's default, for when no node can be asked for its own. */
const RELAY = 1_000n;

/**
 * What miners get at least per 1000 vbytes for taking it: with the ancestors that it needs, or with its descendants as
 * well where those pay for it (child pays for parent).
 */
export function effectiveSatPerKvbyte({ vbytes, feeSat, withAncestors, withDescendants }: MempoolEntry): bigint {
  const family = {
    vbytes: withAncestors.vbytes + withDescendants.vbytes - vbytes,
    feeSat: withAncestors.feeSat + withDescendants.feeSat - feeSat,
  };
  const [alone, together] = [rateOf(withAncestors), rateOf(family)];
  if (together > alone) return together;
  return alone;
}

/** BIP125, rules 3 and 4: the fees of all that is replaced, and relaying for the replacement, taken as large as the original. */
export function replacementFeeSat({ vbytes, withDescendants, incrementalSatPerKvbyte }: MempoolEntry): bigint {
  return withDescendants.feeSat + feeFor(vbytes, incrementalSatPerKvbyte);
}

function rateOf({ vbytes, feeSat }: Package): bigint {
  return vbytes === 0 ? 0n : (feeSat * 1_000n) / BigInt(vbytes);
}

function feeFor(vbytes: number, satPerKvbyte: bigint): bigint {
  return (BigInt(vbytes) * satPerKvbyte + 999n) / 1_000n;
}

/** What was said last of a transaction, and how often. */
export type StuckSaid = Stuck & { readonly saidAtMs: number; readonly times: number };

const LONGEST_SILENCE_MS = 6 * 60 * 60 * 1_000;

/** Said at once when it is another matter than before, and else ever more rarely. */
export function isStuckNews(stuck: Stuck, said: StuckSaid | null, { afterMs }: StuckPolicy, nowMs: number): boolean {
  if (said === null || stuck.code !== said.code) return true;
  if (stuck.replacementFeeSat !== said.replacementFeeSat || stuck.descendants !== said.descendants) return true;
  // Estimates move all the time; a tenth more is worth another replacement.
  if (stuck.wantedSatPerKvbyte * 10n >= said.wantedSatPerKvbyte * 11n && said.wantedSatPerKvbyte > 0n) return true;
  return (
    nowMs - said.saidAtMs >= Math.min(LONGEST_SILENCE_MS, Math.max(afterMs, 1_000) * 2 ** Math.min(said.times, 30))
  );
}
