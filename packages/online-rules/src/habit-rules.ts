// What is unusual for the account itself: amount, hour, gains, money that only passes through, waking up, changes before a withdrawal.
import { formatAmount } from "@sluice/core";
import { deviationsAbove, lastSleep } from "@sluice/signals";
import type { Behaviour } from "./behaviour-facts.ts";
import { HISTORY_MS } from "./behaviour-policy.ts";
import { against, type Found, fine } from "./consequence.ts";
import type { Policy } from "./policy.ts";
import { inReference } from "./velocity-rules.ts";

export type Asked = {
  readonly nowMs: number;
  readonly amountMinor: bigint;
  readonly waitedMs: number;
  readonly behaviour: Behaviour;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** By orders of magnitude: twice as much is as far from the usual for who moves little as for who moves much. */
export function unusualAmount({ behaviour: { unusualAmount: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, amountMinor, waitedMs, behaviour } = asked;
  const past = behaviour.requested.filter(({ asset }) => asset === behaviour.asset);
  if (past.length < rule.minPast)
    return fine("Too few earlier withdrawals to say what is usual.", { past: past.length });
  const logarithms = past.map((one) => Math.log(Number(one.amountMinor)));
  const deviations = deviationsAbove(logarithms, Math.log(Number(amountMinor)), LEAST_SPREAD);
  const evidence = { past: past.length, deviations: deviations.toFixed(1), limit: rule.deviations };
  if (deviations <= rule.deviations) return fine("The amount is usual for the account.", evidence);
  const reason = `${formatAmount(amountMinor, behaviour.asset)} is far more than the account usually withdraws.`;
  return against(rule.action, nowMs - waitedMs, nowMs, reason, evidence);
}

/** An account that always withdraws the same may still withdraw a fifth more. */
const LEAST_SPREAD = 0.2;

/** Hours of the day by the clock of UTC: what matters is that they are the account's own. */
export function unusualHour({ behaviour: { unusualHour: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour } = asked;
  const receivedAtMs = nowMs - waitedMs;
  const active = [...behaviour.requested, ...behaviour.history.logins].map(({ atMs }) => atMs);
  // Today's own log-in does not make its hour a habit.
  const past = active.filter((atMs) => atMs < receivedAtMs - DAY_MS);
  const evidence = { past: past.length, hour: new Date(receivedAtMs).getUTCHours(), withinHours: rule.withinHours };
  if (past.length < rule.minPast) return fine("Too little is known of when the account is active.", evidence);
  const near = past.filter((atMs) => hoursApart(atMs, receivedAtMs) <= rule.withinHours).length;
  if (near > 0) return fine("The account has been active at this hour before.", { ...evidence, near });
  return against(rule.action, receivedAtMs, nowMs, "The account was never active at this hour of the day.", evidence);
}

function hoursApart(left: number, right: number): number {
  const apart = Math.abs((left % DAY_MS) - (right % DAY_MS));
  return Math.min(apart, DAY_MS - apart) / HOUR_MS;
}

/** A withdrawal that a sudden gain pays for, which stands out from what the account gains in as long a time. */
export function outlyingProfit({ behaviour: { profit: rule, reference } }: Policy, asked: Asked): Found | null {
  if (rule === undefined || reference === undefined) return null;
  const { nowMs, amountMinor, waitedMs, behaviour } = asked;
  const sums = sumsByStretch(behaviour.history.profits, nowMs, rule.windowMs);
  const [gained = 0n, ...earlier] = sums;
  const wanted = inReference(reference, behaviour.asset, amountMinor);
  const gains = `${gained} ${reference.currency} (minor units)`;
  const evidence = { gainedMinor: gained, wantedMinor: wanted, earlierStretches: earlier.length };
  if (gained <= rule.aboveMinor) return fine(`Gains of ${gains} lately are not out of the ordinary.`, evidence);
  // What it withdraws may be money that it had before, then the gain is beside the point: more than half has to come from it.
  if (gained * 2n < wanted)
    return fine(`Gains of ${gains} lately are the smaller part of what is withdrawn.`, evidence);
  const spread = Math.max(1, Number(rule.aboveMinor) / 10);
  const deviations =
    earlier.length === 0 ? Number.POSITIVE_INFINITY : deviationsAbove(earlier.map(Number), Number(gained), spread);
  const found = { ...evidence, deviations: deviations.toFixed(1), limit: rule.deviations };
  if (deviations <= rule.deviations) return fine(`Gains of ${gains} lately are usual for the account.`, found);
  return against(rule.action, nowMs - waitedMs, nowMs, `It is fed by a sudden gain of ${gains}.`, found);
}

/** Gains and losses in stretches of one length back from now; only as far back as anything is known. */
function sumsByStretch(
  profits: readonly { readonly atMs: number; readonly amountMinor: bigint }[],
  nowMs: number,
  lengthMs: number,
): readonly bigint[] {
  const oldest = profits[0]?.atMs ?? nowMs;
  const stretches = Math.min(Math.ceil(HISTORY_MS / lengthMs), Math.floor((nowMs - oldest) / lengthMs) + 1);
  const sums = Array.from({ length: Math.max(1, stretches) }, () => 0n);
  for (const { atMs, amountMinor } of profits) {
    const at = Math.floor((nowMs - atMs) / lengthMs);
    if (at < sums.length) sums[at] = (sums[at] ?? 0n) + amountMinor;
  }
  return sums;
}

/** In by one door and out by the other: most of what leaves has just come, and was not there before. */
export function turnRound({ behaviour: { turnRound: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, amountMinor, waitedMs, behaviour } = asked;
  const sinceMs = nowMs - waitedMs - rule.windowMs;
  const { deposits, balances } = behaviour.history;
  const ofAsset = <T extends { readonly asset: string }>(items: readonly T[]) =>
    items.filter(({ asset }) => asset === behaviour.asset);
  const came = ofAsset(deposits).filter(({ atMs }) => atMs > sinceMs);
  const depositedMinor = came.reduce((sum, one) => sum + one.amountMinor, 0n);
  const before = ofAsset(balances).findLast(({ atMs }) => atMs <= sinceMs)?.amountMinor ?? 0n;
  const evidence = { depositedMinor, balanceBeforeMinor: before, percent: rule.percent };
  if (before >= amountMinor) return fine("The account had as much before the latest deposits.", evidence);
  if (depositedMinor * 100n < amountMinor * BigInt(rule.percent))
    return fine("It is not what has just been deposited.", evidence);
  return against(rule.action, nowMs - waitedMs, nowMs, "Most of it was deposited just before.", evidence);
}

export function dormantAccount({ behaviour: { dormant: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour } = asked;
  const receivedAtMs = nowMs - waitedMs;
  const times = [...behaviour.history.events, ...behaviour.requested].map(({ atMs }) => atMs);
  const sleep = lastSleep(times, receivedAtMs, rule);
  if (sleep === null) return fine("The account has not been asleep lately.", { events: times.length });
  const days = Math.floor((sleep.untilMs - sleep.sinceMs) / DAY_MS);
  const evidence = { sinceMs: sleep.sinceMs, untilMs: sleep.untilMs };
  return against(
    rule.action,
    receivedAtMs,
    nowMs,
    `The account has just woken after ${days} days without any activity.`,
    evidence,
  );
}

export function changesBefore({ behaviour: { changes: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour } = asked;
  const receivedAtMs = nowMs - waitedMs;
  const made = behaviour.history.changes.filter(
    ({ atMs, changed }) => atMs > receivedAtMs - rule.windowMs && rule.of.includes(changed),
  );
  const what = [...new Set(made.map(({ changed }) => changed))].toSorted();
  const evidence = { changed: what.join(" "), atLeast: rule.atLeast };
  if (what.length < rule.atLeast)
    return fine("Not enough about the access to the account was changed lately to matter.", evidence);
  return against(rule.action, receivedAtMs, nowMs, `Changed shortly before: ${what.join(", ")}.`, evidence);
}
