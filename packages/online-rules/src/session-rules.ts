// Who seems to sit before the account: devices, countries, journeys nobody makes, a score of small signs; and strangers with one aim.
import { decayed, firstSeenMs, impossibleLeap, type Login } from "@sluice/signals";
import { against, type Found, fine } from "./consequence.ts";
import type { Asked as AskedHabits } from "./habit-rules.ts";
import type { Policy } from "./policy.ts";

export type Asked = AskedHabits & { readonly refusedOfflineAtMs: number | null };

export const newDevice = newTo("device");
export const newCountry = newTo("country");

/**
 * What the newest log-in comes from was first seen a short while ago, although the account is older than that. Of an account
 * without any log-in nothing is known of who asks, and unknown is not fine.
 */
function newTo(what: "device" | "country") {
  return ({ behaviour: policy }: Policy, { nowMs, waitedMs, behaviour }: Asked): Found | null => {
    const rule = what === "device" ? policy.newDevice : policy.newCountry;
    if (rule === undefined) return null;
    const { logins } = behaviour.history;
    const receivedAtMs = nowMs - waitedMs;
    const newest = logins.at(-1);
    const say = (reason: string, evidence: Record<string, string>) =>
      against(rule.action, receivedAtMs, nowMs, reason, evidence);
    if (newest === undefined) return say("No log-in of the account is known.", { logins: "0" });
    const since = firstSeenMs(logins, what, newest[what]) ?? nowMs;
    const evidence = { [what]: newest[what], firstSeenMs: String(since), logins: String(logins.length) };
    if (receivedAtMs - since >= rule.youngMs) return fine(`The ${what} of the log-in is known.`, evidence);
    if (logins[0]?.[what] === newest[what]) return fine(`It is the first ${what} of the account.`, evidence);
    return say(`The log-in is from a ${what} that is new to the account: ${newest[what]}.`, evidence);
  };
}

export function impossibleTravel({ behaviour: { travel: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour } = asked;
  const { logins } = behaviour.history;
  const leap = impossibleLeap(logins, { ...rule, sinceMs: nowMs - waitedMs - rule.windowMs });
  if (leap === null) return fine("Nobody would have had to travel impossibly fast.", { logins: logins.length });
  const { from, to, km, minutes } = leap;
  const evidence = { from: from.country, to: to.country, minutes, ...(km === null ? {} : { km }) };
  const far = km === null ? `${from.country} to ${to.country}` : `${km} km`;
  return against(rule.action, nowMs - waitedMs, nowMs, `Logged in ${far} apart within ${minutes} minutes.`, evidence);
}

export function sharedDevice({ behaviour: { sharedDevice: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour } = asked;
  const evidence = { accounts: behaviour.deviceAccounts, limit: rule.accounts };
  if (behaviour.deviceAccounts < rule.accounts) return fine("The device is not used by too many accounts.", evidence);
  const reason = `${behaviour.deviceAccounts} accounts have logged in from this device lately.`;
  return against(rule.action, nowMs - waitedMs, nowMs, reason, evidence);
}

/** Small signs add up and are forgiven little by little. */
export function compromiseScore({ behaviour: { compromise: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour, refusedOfflineAtMs } = asked;
  const { events, logins } = behaviour.history;
  const { weights } = rule;
  const failed = events.filter((event) => event.type === "login" && !event.succeeded);
  const marks = [
    ...marked("failed log-in", failed, weights.failedLogin),
    ...marked("new device", firsts(logins, "device"), weights.newDevice),
    ...marked("new country", firsts(logins, "country"), weights.newCountry),
    ...marked("changed credential", behaviour.history.changes, weights.credential),
    ...marked(
      "refused offline",
      refusedOfflineAtMs === null ? [] : [{ atMs: refusedOfflineAtMs }],
      weights.refusedOffline,
    ),
  ];
  const score = decayed(marks, nowMs, rule.halfLifeMs);
  const signs = [...new Set(marks.map(({ sign }) => sign))].join(", ");
  const evidence = { score: score.toFixed(1), limit: rule.at, signs };
  if (score < rule.at) return fine("The signs of a compromised account do not add up.", evidence);
  return against(rule.action, nowMs - waitedMs, nowMs, `Signs of a compromised account add up: ${signs}.`, evidence);
}

function marked(sign: string, events: readonly { readonly atMs: number }[], weight: number) {
  return events.map(({ atMs }) => ({ sign, atMs, weight }));
}

/** Each but the account's first one ever: everybody begins somewhere. */
function firsts(logins: readonly Login[], what: "device" | "country"): readonly Login[] {
  const seen = new Set<string>();
  return logins.filter((login, at) => {
    const isNew = !seen.has(login[what]);
    seen.add(login[what]);
    return isNew && at > 0;
  });
}

/** Many accounts that all at once pay to a place where nobody paid before: they may be in one hand. */
export function fanIn({ behaviour: { fanIn: rule } }: Policy, asked: Asked): Found | null {
  if (rule === undefined) return null;
  const { nowMs, waitedMs, behaviour } = asked;
  const receivedAtMs = nowMs - waitedMs;
  const { destinationAccounts: accounts, destinationSeenAtMs: seenAtMs } = behaviour;
  const evidence = { accounts, limit: rule.accounts, firstSeenAtMs: seenAtMs };
  if (receivedAtMs - seenAtMs >= rule.windowMs) return fine("The destination has been known for long.", evidence);
  if (accounts < rule.accounts) return fine("Not many accounts pay to this destination.", evidence);
  return against(
    rule.action,
    receivedAtMs,
    nowMs,
    `${accounts} accounts pay to a destination that was unknown shortly before.`,
    evidence,
  );
}
