// Velocity: how much and how often within a sliding window of time. Time, once seen, never goes back.

export type VelocityWindow = {
  readonly windowMs: number;
  readonly maxCount?: number;
  readonly maxMinor?: bigint;
};

/** One withdrawal, or `count` of them at one time with the sum of their amounts. */
export type VelocityEntry = { readonly atMs: number; readonly amountMinor: bigint; readonly count?: number };

export function countEntries(entries: readonly { readonly count?: number }[]): number {
  return entries.reduce((sum, { count = 1 }) => sum + count, 0);
}

export type VelocityRule = "VELOCITY_COUNT" | "VELOCITY_AMOUNT";

export type VelocityAnswer =
  | {
      readonly kind: "within";
      /** The time under which the entry has to be stored: never before any time already seen. */
      readonly atMs: number;
    }
  | {
      readonly kind: "exceeded";
      readonly rule: VelocityRule;
      readonly window: VelocityWindow;
      readonly usedCount: number;
      readonly usedMinor: bigint;
      /** When the windows would admit the candidate if nothing else came, epoch ms; null if they never would. */
      readonly freeAtMs: number | null;
    };

/**
 * Asks whether a candidate fits into every window beside the past entries. An entry counts from its own time until
 * windowMs later, exclusively. The present is the latest time ever seen, so a clock that jumps back frees nothing.
 */
export function checkVelocity(
  windows: readonly VelocityWindow[],
  past: readonly VelocityEntry[],
  candidate: VelocityEntry,
): VelocityAnswer {
  const nowMs = past.reduce((latest, entry) => Math.max(latest, entry.atMs), candidate.atMs);
  if (!Number.isSafeInteger(nowMs)) throw new RangeError("a velocity entry's time is no whole number of milliseconds");
  if (candidate.amountMinor < 0n) throw new RangeError("a velocity entry's amount is negative");
  const exceeded = windows.flatMap((window) => checkWindow(window, past, candidate.amountMinor, nowMs) ?? []);
  const [first] = exceeded;
  if (first === undefined) return { kind: "within", atMs: nowMs };
  return exceeded.reduce((worst, next) => (laterFree(next.freeAtMs, worst.freeAtMs) ? next : worst), first);
}

type Exceeded = Extract<VelocityAnswer, { readonly kind: "exceeded" }>;

function checkWindow(
  window: VelocityWindow,
  past: readonly VelocityEntry[],
  amountMinor: bigint,
  nowMs: number,
): Exceeded | null {
  const { maxCount, maxMinor } = caps(window);
  const live = past.filter((entry) => entry.atMs > nowMs - window.windowMs);
  const usedCount = countEntries(live);
  const usedMinor = live.reduce((sum, entry) => sum + entry.amountMinor, 0n);
  const fits = (count: number, minor: bigint) =>
    (maxCount === null || count + 1 <= maxCount) && (maxMinor === null || minor + amountMinor <= maxMinor);
  if (fits(usedCount, usedMinor)) return null;
  const rule = maxCount !== null && usedCount + 1 > maxCount ? "VELOCITY_COUNT" : "VELOCITY_AMOUNT";
  return { kind: "exceeded", rule, window, usedCount, usedMinor, freeAtMs: firstFree() };

  /** Lets the oldest entries leave one by one until the candidate fits; what has one time leaves at once, in whatever order. */
  function firstFree(): number | null {
    let count = usedCount;
    let minor = usedMinor;
    for (const entry of live.toSorted((a, b) => a.atMs - b.atMs)) {
      count -= entry.count ?? 1;
      minor -= entry.amountMinor;
      if (fits(count, minor)) return entry.atMs + window.windowMs;
    }
    return null;
  }
}

/** A window that bounds nothing is a mistake in a policy, not a permission. */
function caps(window: VelocityWindow): { readonly maxCount: number | null; readonly maxMinor: bigint | null } {
  const maxCount = window.maxCount ?? null;
  const maxMinor = window.maxMinor ?? null;
  if (!Number.isSafeInteger(window.windowMs) || window.windowMs <= 0)
    throw new RangeError("windowMs is not above zero");
  if (maxCount === null && maxMinor === null)
    throw new RangeError("a velocity window has neither maxCount nor maxMinor");
  if (maxCount !== null && !(Number.isSafeInteger(maxCount) && maxCount >= 0))
    throw new RangeError("maxCount is no count");
  if (maxMinor !== null && maxMinor < 0n) throw new RangeError("maxMinor is negative");
  return { maxCount, maxMinor };
}

function laterFree(left: number | null, right: number | null): boolean {
  if (right === null) return false;
  return left === null || left > right;
}
