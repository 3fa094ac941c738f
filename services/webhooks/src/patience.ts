// How patient the sender is: what becomes of an endpoint, and of a delivery, after an attempt. Pure; time and chance are given.
import { backoffMs } from "@sluice/core";

export type Rules = {
  readonly retryFirstMs: number;
  readonly retryLongestMs: number;
  readonly retryForMs: number;
  readonly disableAfterMs: number;
  readonly probeEveryMs: number;
};

export type Because = "FAILING_TOO_LONG" | "GONE" | "BY_PERSON";

export type Health = {
  readonly state: "healthy" | "failing" | "disabled";
  /** In a row. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
  readonly because: Because | null;
  /** While it is not healthy: when one delivery is tried, to see. Infinity: when a person says so. */
  readonly probeAtMs: number;
};

/** What one attempt says of its endpoint. */
export type Result = {
  /** A status from 200 to 299. */
  readonly ok: boolean;
  /** 410: the endpoint itself says that it wants no more. */
  readonly gone: boolean;
  /** Asked for by the endpoint; bounded, for a stranger must not put us to sleep. */
  readonly retryAfterMs: number | null;
};

/** So many failures in a row are the endpoint's and no single delivery's: then one at a time is tried, to see. */
const FAILING_AFTER = 3;
const LONGEST_PROBE_MS = 10 * 60_000;
const LONGEST_ASKED_MS = 3_600_000;

/** @param chance in [0, 1) */
export function healthAfter(before: Health, result: Result, nowMs: number, rules: Rules, chance: number): Health {
  const failures = result.ok ? 0 : before.failures + 1;
  const failingSinceMs = result.ok ? null : (before.failingSinceMs ?? nowMs);
  const more = { failures, failingSinceMs } as const;
  // A person, or the endpoint itself, has said so: what was still on its way changes nothing of it, however it ends.
  if (before.because === "BY_PERSON" || before.because === "GONE") return { ...before, ...more };
  if (result.ok) return { ...more, state: "healthy", because: null, probeAtMs: nowMs };
  if (result.gone) return { ...more, state: "disabled", because: "GONE", probeAtMs: Number.POSITIVE_INFINITY };
  if (
    before.state === "disabled" ||
    (failures >= FAILING_AFTER && nowMs - (failingSinceMs ?? nowMs) >= rules.disableAfterMs)
  ) {
    return { ...more, state: "disabled", because: "FAILING_TOO_LONG", probeAtMs: nowMs + rules.probeEveryMs };
  }
  if (failures < FAILING_AFTER) return { ...more, state: "healthy", because: null, probeAtMs: nowMs };
  const bounds = { firstMs: rules.retryFirstMs, longestMs: LONGEST_PROBE_MS };
  const waitMs = Math.max(backoffMs(failures - FAILING_AFTER + 1, bounds, chance), askedMs(result));
  return { ...more, state: "failing", because: null, probeAtMs: nowMs + waitMs };
}

export type Delivery = {
  /** Since it was first to be sent, or sent again by a person; with the one that has just failed. */
  readonly tries: number;
  readonly firstTryAtMs: number;
};

export type Fate = { readonly kind: "again"; readonly atMs: number } | { readonly kind: "exhausted" };

/**
 * After a failure. A delivery is given up only when its endpoint took others meanwhile: while it takes nothing at all, the
 * fault is the endpoint's, and everything waits for it however long that takes.
 */
export function fateAfter(
  { tries, firstTryAtMs }: Delivery,
  result: Result,
  lastSuccessAtMs: number | null,
  nowMs: number,
  rules: Rules,
  chance: number,
): Fate {
  const isOver = nowMs - firstTryAtMs >= rules.retryForMs;
  if (isOver && lastSuccessAtMs !== null && lastSuccessAtMs > firstTryAtMs) return { kind: "exhausted" };
  const bounds = { firstMs: rules.retryFirstMs, longestMs: rules.retryLongestMs };
  return { kind: "again", atMs: nowMs + Math.max(backoffMs(tries, bounds, chance), askedMs(result)) };
}

function askedMs({ retryAfterMs }: Result): number {
  return Math.min(retryAfterMs ?? 0, LONGEST_ASKED_MS);
}
