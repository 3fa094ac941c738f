// What the rules on behaviour ask, read in the transaction that judges: only what the policy's rules look at, for all that are
// judged together at once.
import type { Asset } from "@sluice/core";
import type { Behaviour, BehaviourPolicy, PastWithdrawal, VelocityScope } from "@sluice/online-rules";
import { holdNames, type Transaction } from "@sluice/postgres";
import { type History, historyOf, type Login } from "@sluice/signals";
import { listCleared, listRequested, loadFanIn, noteSessions } from "./past.ts";
import { countDeviceAccounts, loadSignals } from "./signals.ts";
import { createTally, type Tally } from "./tally.ts";

/** A withdrawal that is judged, and when. Of one account all have one time. */
export type Judged = {
  readonly id: string;
  readonly account: string;
  readonly asset: Asset;
  readonly amountMinor: bigint;
  readonly scriptPubKey: Uint8Array;
  readonly nowMs: number;
};

export type Gathered = {
  /** Of the one at this place, with what those before it were cleared for since. */
  readonly of: (at: number) => Behaviour;
  /** It is cleared, and counts from now on. */
  readonly cleared: (at: number) => void;
  /** It is rejected, and was no request of the account's any more. */
  readonly rejected: (at: number) => void;
};

/**
 * Limits over more than one account hold although several instances judge at once: who counts together is locked until the
 * end of the transaction. Whoever calls has locked the accounts.
 */
export async function gatherBehaviour(
  tx: Transaction,
  policy: BehaviourPolicy,
  judged: readonly Judged[],
): Promise<Gathered> {
  const accounts = [...new Map(judged.map(({ account, nowMs }) => [account, { account, nowMs }])).values()];
  const signals = await loadSignals(tx, accounts);
  const histories = new Map(
    accounts.map(({ account, nowMs }) => {
      const told = signals.get(account) ?? [];
      return [account, told instanceof Error ? historyOf([], nowMs) : historyOf(told, nowMs)];
    }),
  );
  const subjects = judged.map((one) => subjectOf(one, histories));
  await noteSessions(
    tx,
    subjects.flatMap(({ judged: { id }, session }) => (session === null ? [] : [{ id, session }])),
  );
  const longest = longestWindows(policy);
  const tally = await gatherTally(tx, longest, subjects);
  const asksRequests = [policy.unusualAmount, policy.unusualHour, policy.dormant].some((rule) => rule !== undefined);
  const requested = asksRequests ? await listRequested(tx, [...histories.keys()]) : new Map();
  const devices = await countDevices(tx, policy.sharedDevice?.windowMs ?? 0, subjects);
  const fanInMs = policy.fanIn?.windowMs ?? 0;
  const fanIn = await loadFanIn(
    tx,
    judged.map(({ scriptPubKey, nowMs }) => ({ scriptPubKey, afterMs: nowMs - fanInMs })),
  );
  const rejected = new Set<string>();
  return {
    of,
    cleared: (at) => tally.add(subjectAt(at)),
    rejected: (at) => void rejected.add(subjectAt(at).judged.id),
  };

  function subjectAt(at: number): Subject {
    const subject = subjects[at];
    if (subject === undefined) throw new RangeError(`there is no withdrawal ${at} in this batch`);
    return subject;
  }

  function of(at: number): Behaviour {
    const subject = subjectAt(at);
    const { judged: one, history } = subject;
    const told = signals.get(one.account);
    if (told instanceof Error) throw told;
    const seen = fanIn[at];
    if (seen === undefined || seen.destinationSeenAtMs === null) throw new Error("a destination is gone");
    const past: readonly Requested[] = requested.get(one.account) ?? [];
    return {
      ...{ asset: one.asset, history, cleared: tally.before(subject, longest) },
      requested: past.filter(({ id }) => id !== one.id && !rejected.has(id)),
      deviceAccounts: devices[at] ?? 0,
      ...{ destinationAccounts: seen.destinationAccounts, destinationSeenAtMs: seen.destinationSeenAtMs },
    };
  }
}

export type Requested = PastWithdrawal & { readonly id: string };

/** A withdrawal with the account's newest log-in, and whose withdrawals count together with it. */
export type Subject = {
  readonly judged: Judged;
  readonly history: History;
  readonly session: Login | null;
  /** Absent where it is not known. */
  readonly values: Readonly<Partial<Record<VelocityScope, string>>>;
};

function subjectOf(judged: Judged, histories: ReadonlyMap<string, History>): Subject {
  const history = histories.get(judged.account) ?? historyOf([], judged.nowMs);
  const session = history.logins.at(-1) ?? null;
  const destination = Buffer.from(judged.scriptPubKey).toString("hex");
  const values = { account: judged.account, destination, asset: judged.asset, all: "" };
  return {
    ...{ judged, history, session },
    values: session === null ? values : { ...values, device: session.device, ip: session.ip },
  };
}

export type Longest = Readonly<Partial<Record<VelocityScope, number>>>;

/** Of each scope that the policy has a window over. */
function longestWindows({ windows }: BehaviourPolicy): Longest {
  const longest: Partial<Record<VelocityScope, number>> = {};
  for (const { over, windowMs } of windows) longest[over] = Math.max(longest[over] ?? 0, windowMs);
  return longest;
}

async function gatherTally(tx: Transaction, longest: Longest, subjects: readonly Subject[]): Promise<Tally> {
  // The least time of each: what is older than that counts for none of them.
  const asked = new Map<string, { readonly over: VelocityScope; readonly value: string; readonly afterMs: number }>();
  for (const { judged, values } of subjects) {
    for (const [over, windowMs] of Object.entries(longest) as [VelocityScope, number][]) {
      const value = values[over];
      if (value === undefined) continue;
      const name = `${over}:${value}`;
      const afterMs = Math.min(judged.nowMs - windowMs, asked.get(name)?.afterMs ?? Number.POSITIVE_INFINITY);
      asked.set(name, { over, value, afterMs });
    }
  }
  await holdNames(
    tx,
    [...asked].filter(([, { over }]) => over !== "account").map(([name]) => name),
  );
  return createTally(await listCleared(tx, [...asked.values()]));
}

async function countDevices(
  tx: Transaction,
  windowMs: number,
  subjects: readonly Subject[],
): Promise<readonly number[]> {
  if (windowMs === 0) return [];
  const asked = subjects.map(({ session, judged: { nowMs } }) => {
    return { device: session?.device ?? null, afterMs: nowMs - windowMs, untilMs: nowMs };
  });
  return countDeviceAccounts(tx, asked);
}
