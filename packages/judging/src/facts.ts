// All that the rules ask of the withdrawals of one batch, loaded with a constant number of statements, and what the verdicts on
// earlier ones of the batch change of it for later ones.
import { findScript, type Wallet } from "@sluice/chains";
import { loadAllowed } from "@sluice/destinations";
import type { Facts, Policy } from "@sluice/online-rules";
import { holdNames, type Transaction } from "@sluice/postgres";
import { alarmsNow, refusedOfflineAtMs } from "@sluice/report-watch";
import { loadDestinations, type Stored } from "@sluice/risk-memory";
import type { Screening } from "@sluice/screening";
import { gatherBehaviour } from "@sluice/signal-memory";
import { standingAgainst } from "@sluice/suspensions";
import { type Cleared, loadCleared } from "./cleared.ts";

export type FactSources = {
  readonly policy: Policy;
  readonly wallets: readonly Wallet[];
  /** What is known of an address; a local read that waits for nobody. */
  readonly screening: Pick<Screening, "screenScript">;
  readonly now: () => number;
};

export type Batch = {
  /** The first of those that were taken, all that can be judged together. */
  readonly items: readonly Stored[];
  /** @throws for one that cannot be judged; then nothing has changed for the others. */
  readonly factsOf: (at: number) => Facts;
  readonly cleared: (at: number) => void;
  readonly rejected: (at: number) => void;
};

/**
 * Locks in this order, as every instance does: suspensions (whoever calls has), accounts, then what else counts together. Of one account only
 * those are judged together that have one time: nothing that a verdict changes moves the time of a later one then.
 */
export async function gather(tx: Transaction, sources: FactSources, taken: readonly Stored[]): Promise<Batch> {
  const { policy, screening, now } = sources;
  await holdNames(
    tx,
    taken.map(({ account }) => `account:${account}`),
  );
  const clockMs = now();
  const longestMs = Math.max(0, ...policy.accountWindows.map(({ windowMs }) => windowMs));
  const past = await loadCleared(tx, taken, clockMs - longestMs);
  const items = sameTimes(taken.map((stored) => ({ ...stored, nowMs: timeOf(stored, past, clockMs) })));
  const behaviour = await gatherBehaviour(tx, policy.behaviour, items);
  const destinations = await loadDestinations(tx, items);
  const alarms = await alarmsNow(tx, policy, clockMs);
  const sinceMs = items.map(({ account, nowMs }) => ({ account, sinceMs: nowMs - policy.zone.refusedMs }));
  const refusals = await refusedOfflineAtMs(tx, [...new Map(sinceMs.map((one) => [one.account, one])).values()]);
  const suspensions = await standingAgainst(tx, items);
  const allowed = await loadAllowed(tx, items);
  const approvedAtMs = new Map<string, number>();
  return {
    items,
    factsOf,
    cleared: (at) => {
      const { nowMs, amountMinor, ...stored } = itemAt(at);
      past.add(stored, { atMs: nowMs, amountMinor });
      behaviour.cleared(at);
      const destination = destinationOf(stored);
      if (stored.approvedBy.length > 0 && !approvedAtMs.has(destination)) approvedAtMs.set(destination, nowMs);
    },
    rejected: behaviour.rejected,
  };

  function itemAt(at: number) {
    const item = items[at];
    if (item === undefined) throw new RangeError(`there is no withdrawal ${at} in this batch`);
    return item;
  }

  function factsOf(at: number): Facts {
    const item = itemAt(at);
    const { nowMs, amountMinor, receivedAtMs } = item;
    const destination = destinations[at];
    if (destination === undefined) throw new Error(`a destination of ${item.account} is gone`);
    return {
      ...{ nowMs, amountMinor, past: past.of(item) },
      destination: {
        ...destination,
        approvedAtMs: destination.approvedAtMs ?? approvedAtMs.get(destinationOf(item)) ?? null,
        scriptPubKey: Buffer.from(item.scriptPubKey).toString("hex"),
        ownWallet: ownWallet(sources.wallets, item),
        screened: screening.screenScript(item.scriptPubKey),
      },
      waitedMs: nowMs - receivedAtMs,
      alarms,
      refusedOfflineAtMs: refusals.get(item.account) ?? null,
      suspension: suspensions[at] ?? null,
      requesterKey: item.keyId,
      allowList: allowed[at] ?? null,
      behaviour: behaviour.of(at),
    };
  }
}

type Timed = Stored & { readonly nowMs: number };

/** Time, once seen for an account, never goes back: a clock that jumps frees no window and orders nothing anew. */
function timeOf(stored: Stored, past: Cleared, clockMs: number): number {
  return past.of(stored).reduce((latest, { atMs }) => Math.max(latest, atMs), Math.max(clockMs, stored.changedAtMs));
}

/** Up to the first whose account has had another time; there is always one at least. */
function sameTimes(taken: readonly Timed[]): readonly Timed[] {
  const times = new Map<string, number>();
  const end = taken.findIndex(({ account, nowMs }) => {
    const earlier = times.get(account) ?? nowMs;
    times.set(account, earlier);
    return earlier !== nowMs;
  });
  return end < 0 ? taken : taken.slice(0, end);
}

function ownWallet(wallets: readonly Wallet[], { scriptPubKey }: Stored): string | null {
  const own = wallets.find(({ descriptor, gapLimit }) => findScript(descriptor, scriptPubKey, gapLimit) !== null);
  return own?.walletId ?? null;
}

function destinationOf({ account, scriptPubKey }: Pick<Stored, "account" | "scriptPubKey">): string {
  return `${account}:${Buffer.from(scriptPubKey).toString("hex")}`;
}
