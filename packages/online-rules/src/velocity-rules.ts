// How often and how much within windows of time, counted over more than one account's withdrawals of one asset.
import { ASSETS, type Asset, checkVelocity, countEntries, type VelocityAnswer } from "@sluice/core";
import type { Behaviour, PastWithdrawal } from "./behaviour-facts.ts";
import type { Reference, ScopedWindow, VelocityScope } from "./behaviour-policy.ts";
import { type Found, fine } from "./consequence.ts";
import type { Policy } from "./policy.ts";

type Asked = { readonly nowMs: number; readonly amountMinor: bigint; readonly behaviour: Behaviour };
type Exceeded = Extract<VelocityAnswer, { readonly kind: "exceeded" }>;

/** Null when the policy has no window of this scope. */
export function velocityOver(over: VelocityScope) {
  return ({ behaviour: { windows, reference } }: Policy, { nowMs, amountMinor, behaviour }: Asked): Found | null => {
    const own = windows.filter((window) => window.over === over);
    if (own.length === 0) return null;
    const past = behaviour.cleared[over];
    const candidate = { atMs: nowMs, asset: behaviour.asset, amountMinor };
    const exceeded = own.flatMap((window) => checkOne(window, reference, past, candidate));
    const [first, ...rest] = exceeded;
    const what = `${over === "all" ? "all withdrawals" : `the ${NAMES[over]}`}`;
    if (first === undefined) {
      return fine(`Within every window of time of ${what}.`, {
        windows: own.length,
        pastWithdrawals: countEntries(past),
      });
    }
    const { window, freeAtMs, rule, usedCount, usedMinor } = rest.reduce(
      (worst, next) => (later(next, worst) ? next : worst),
      first,
    );
    const evidence = {
      ...{
        limit: rule,
        over,
        windowMs: String(window.windowMs),
        usedCount: String(usedCount),
        usedMinor: String(usedMinor),
      },
      ...(window.maxCount === undefined ? {} : { maxCount: String(window.maxCount) }),
      ...(window.maxMinor === undefined ? {} : { maxMinor: String(window.maxMinor) }),
    };
    if (freeAtMs === null) {
      const reason = `The amount alone is over what ${what} may ever withdraw at once.`;
      return { verdict: { kind: "reject" }, reason, evidence };
    }
    const reason = `A window of time of ${what} is used up; it is free again at ${new Date(freeAtMs).toISOString()}.`;
    return { verdict: { kind: "delay", untilMs: freeAtMs }, reason, evidence };
  };
}

const NAMES: Readonly<Record<Exclude<VelocityScope, "all">, string>> = {
  account: "account, over all assets",
  destination: "destination",
  device: "device",
  ip: "IP address",
  asset: "asset, over all accounts",
};

/** In minor units of the reference currency, rounded up: a limit is never passed by rounding. */
export function inReference({ rates }: Reference, asset: Asset, amountMinor: bigint): bigint {
  const whole = 10n ** BigInt(ASSETS[asset].decimals);
  return (amountMinor * rates[asset] + whole - 1n) / whole;
}

/** The window's own bounds on the asset, and on all assets together, which are counted in another unit. */
function checkOne(
  { windowMs, maxCount, maxMinor, maxReferenceMinor }: ScopedWindow,
  reference: Reference | undefined,
  past: readonly PastWithdrawal[],
  candidate: PastWithdrawal,
): readonly Exceeded[] {
  const bounds = [
    {
      max: { ...(maxCount === undefined ? {} : { maxCount }) },
      entries: past,
      of: ({ amountMinor }: PastWithdrawal) => amountMinor,
    },
    {
      max: { ...(maxMinor === undefined ? {} : { maxMinor }) },
      entries: past.filter(({ asset }) => asset === candidate.asset),
      of: ({ amountMinor }: PastWithdrawal) => amountMinor,
    },
    {
      max: { ...(maxReferenceMinor === undefined ? {} : { maxMinor: maxReferenceMinor }) },
      entries: past,
      of: ({ asset, amountMinor }: PastWithdrawal) => {
        if (reference === undefined) throw new Error("a bound in the reference currency, and no reference currency");
        return inReference(reference, asset, amountMinor);
      },
    },
  ];
  return bounds.flatMap(({ max, entries, of }) => {
    if (Object.keys(max).length === 0) return [];
    const inUnit = (one: PastWithdrawal) => ({ atMs: one.atMs, amountMinor: of(one), count: one.count ?? 1 });
    const answer = checkVelocity([{ windowMs, ...max }], entries.map(inUnit), inUnit(candidate));
    return answer.kind === "exceeded" ? [answer] : [];
  });
}

function later(left: Exceeded, right: Exceeded): boolean {
  if (right.freeAtMs === null) return false;
  return left.freeAtMs === null || left.freeAtMs > right.freeAtMs;
}
