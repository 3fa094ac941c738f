// An account's history as a set of events: whatever order they were told in, and however often, it is the same history.
import type { Balance, CredentialChange, Deposit, Login, Profit, Signal } from "./shape.ts";
import { distanceKm } from "./travel.ts";

export type History = {
  /** The oldest first, each once, nothing from after the moment that is asked about. */
  readonly events: readonly Signal[];
  readonly logins: readonly Login[];
  readonly changes: readonly CredentialChange[];
  readonly deposits: readonly Deposit[];
  readonly profits: readonly Profit[];
  readonly balances: readonly Balance[];
};

/** Of one account, until `nowMs`. Of two events with one id the one that sorts first counts: there is only one, stored once. */
export function historyOf(signals: readonly Signal[], nowMs: number): History {
  const byId = new Map<string, Signal>();
  for (const signal of signals.toSorted(inTime)) if (!byId.has(signal.id)) byId.set(signal.id, signal);
  const events = [...byId.values()].filter(({ atMs }) => atMs <= nowMs);
  const of = <T extends Signal["type"]>(type: T) =>
    events.filter((event): event is Extract<Signal, { readonly type: T }> => event.type === type);
  return {
    ...{ events, logins: of("login").filter(({ succeeded }) => succeeded), changes: of("credential") },
    ...{ deposits: of("deposit"), profits: of("profit"), balances: of("balance") },
  };
}

/** When something of a log-in was first seen in the account: its device, its country. Null where it never was. */
export function firstSeenMs(logins: readonly Login[], what: "device" | "country", value: string): number | null {
  return logins.find((login) => login[what] === value)?.atMs ?? null;
}

export type Leap = { readonly from: Login; readonly to: Login; readonly km: number | null; readonly minutes: number };

/**
 * Two neighbouring log-ins that nobody travels between: faster than `kmPerHour` where both places are known, else in two
 * countries within `countryChangeMs`. The newest such pair that ends at or after `sinceMs`; null when there is none.
 */
export function impossibleLeap(
  logins: readonly Login[],
  limits: { readonly sinceMs: number; readonly kmPerHour: number; readonly countryChangeMs: number },
): Leap | null {
  for (let at = logins.length - 1; at > 0; at -= 1) {
    const [from, to] = [logins[at - 1], logins[at]];
    if (from === undefined || to === undefined || to.atMs < limits.sinceMs) return null;
    const tookMs = to.atMs - from.atMs;
    const minutes = Math.round(tookMs / 60_000);
    if (from.place !== null && to.place !== null) {
      const km = distanceKm(from.place, to.place);
      // A place is told to within a city or two.
      const far = Math.max(0, km - PLACE_ERROR_KM);
      if (far > (limits.kmPerHour * tookMs) / HOUR_MS) return { from, to, km: Math.round(km), minutes };
    } else if (from.country !== to.country && tookMs < limits.countryChangeMs) {
      return { from, to, km: null, minutes };
    }
  }
  return null;
}

const HOUR_MS = 3_600_000;
const PLACE_ERROR_KM = 100;

export type Sleep = { readonly sinceMs: number; readonly untilMs: number };

/** The newest stretch of at least `idleMs` without anything that ended within `watchMs` before now; null when there is none. */
export function lastSleep(
  times: readonly number[],
  nowMs: number,
  limits: { readonly idleMs: number; readonly watchMs: number },
): Sleep | null {
  const sorted = [...times.filter((time) => time <= nowMs), nowMs].toSorted((left, right) => left - right);
  for (let at = sorted.length - 1; at > 0; at -= 1) {
    const [sinceMs = 0, untilMs = 0] = [sorted[at - 1], sorted[at]];
    if (untilMs < nowMs - limits.watchMs) return null;
    if (untilMs - sinceMs >= limits.idleMs) return { sinceMs, untilMs };
  }
  return null;
}

/** A score that halves with each half-life: what is long ago is forgiven little by little. */
export function decayed(
  marks: readonly { readonly atMs: number; readonly weight: number }[],
  nowMs: number,
  halfLifeMs: number,
): number {
  return marks
    .filter(({ atMs }) => atMs <= nowMs)
    .reduce((sum, { atMs, weight }) => sum + weight * 2 ** ((atMs - nowMs) / halfLifeMs), 0);
}

function inTime(left: Signal, right: Signal): number {
  if (left.atMs !== right.atMs) return left.atMs - right.atMs;
  if (left.id !== right.id) return left.id < right.id ? -1 : 1;
  return left.type < right.type ? -1 : 1;
}
