// Step 3: which of the waiting withdrawals the next transaction pays, and whether its time has come. Pure.
import type { Priority } from "@sluice/contracts";

/** A cleared withdrawal as the planner sees it. */
export type Candidate = {
  readonly withdrawalId: string;
  readonly address: string;
  readonly amountSat: bigint;
  /** The outpoint that every transaction for it has to spend; null until a signature may exist. */
  readonly anchor: string | null;
  /** It was refused in company, and nobody said because of whom. */
  readonly alone: boolean;
  readonly clearanceBytes: number;
  readonly priority: Priority;
  /** Until its deadline, which was fixed when it arrived, in milliseconds; at 0 or below its time has come. */
  readonly dueInMs: number;
};

/** How a group of candidates would be paid by one transaction that spends the outpoints, or why it cannot be now. */
export type Plan<P, C> = (
  candidates: readonly Candidate[],
  required: readonly string[],
) => { readonly ok: true; readonly plan: P } | { readonly ok: false; readonly code: C };

export type Batch<P, C> = {
  /** Null when nothing can be paid now, or may still grow. */
  readonly payout: { readonly plan: P; readonly candidates: readonly Candidate[] } | null;
  /** Why others that were looked at cannot be paid now. */
  readonly waiting: ReadonlyMap<string, C>;
  /** Until the next one that can be paid is due, if there is none to pay now. */
  readonly ripeInMs: number;
};

/**
 * Candidates come earliest deadline first, and a batch takes them in this order: up to the maximum, those with a later
 * deadline when there is room. It goes when it is full, or when the first deadline in it has come. One that cannot be paid
 * now is passed over: it closes no batch, and goes before nobody. Withdrawals that share an anchor are paid by one
 * transaction, since only one can spend it, and with no others, whose fate would hang on it. One that is to be alone is.
 * So what goes always has the earliest deadline among all that can be paid, and nobody waits for others than those ahead.
 */
export function chooseBatch<P, C>(
  candidates: readonly Candidate[],
  maxWithdrawals: number,
  plan: Plan<P, C>,
): Batch<P, C> {
  const waiting = new Map<string, C>();
  const rank = new Map(candidates.map(({ withdrawalId }, at) => [withdrawalId, at]));
  const rankOf = ([first]: readonly Candidate[]): number => rank.get(first?.withdrawalId ?? "") ?? candidates.length;
  let ripeInMs = Number.POSITIVE_INFINITY;
  // The payable ones of a lot may stand behind other lots, although its first stood before them.
  let found: NonNullable<Batch<P, C>["payout"]> | null = null;
  for (const lot of lotsOf(candidates)) {
    if (found !== null && rankOf(found.candidates) < rankOf(lot)) break;
    const most = isFree(lot[0]) ? maxWithdrawals : Number.POSITIVE_INFINITY;
    // Not worth a plan while nothing in it can close a batch.
    const closable = lot[0].dueInMs <= 0 || lot.length >= most;
    const chosen = closable ? chooseFrom(lot, most, plan, waiting) : null;
    const dueInMs = (chosen?.candidates ?? (closable ? [] : lot))[0]?.dueInMs ?? Number.POSITIVE_INFINITY;
    if (chosen === null || (dueInMs > 0 && chosen.candidates.length < most)) ripeInMs = Math.min(ripeInMs, dueInMs);
    else if (found === null || rankOf(chosen.candidates) < rankOf(found.candidates)) found = chosen;
  }
  return { payout: found, waiting, ripeInMs };
}

/** Until any of them can close a batch, found without a plan. Candidates come earliest deadline first. */
export function soonestMs(candidates: readonly Candidate[], maxWithdrawals: number): number {
  const full = candidates.filter(isFree).length >= maxWithdrawals;
  return full ? 0 : (candidates[0]?.dueInMs ?? Number.POSITIVE_INFINITY);
}

type Lot = readonly [Candidate, ...Candidate[]];

/** In the order of their first. */
function lotsOf(candidates: readonly Candidate[]): readonly Lot[] {
  const lots = new Map<string, [Candidate, ...Candidate[]]>();
  for (const candidate of candidates) {
    const name = lotNameOf(candidate);
    const lot = lots.get(name);
    if (lot === undefined) lots.set(name, [candidate]);
    else lot.push(candidate);
  }
  return [...lots.values()];
}

function lotNameOf(candidate: Candidate): string {
  if (candidate.anchor !== null) return `anchor ${candidate.anchor}`;
  return isFree(candidate) ? "free" : `alone ${candidate.withdrawalId}`;
}

function isFree({ anchor, alone }: Candidate): boolean {
  return anchor === null && !alone;
}

type Chosen<P> = { readonly plan: P; readonly candidates: readonly Candidate[] } | null;

/** All of an anchored lot or nobody; of the free ones, as many as can be paid. */
function chooseFrom<P, C>(lot: Lot, most: number, plan: Plan<P, C>, waiting: Map<string, C>): Chosen<P> {
  const [{ anchor }] = lot;
  const required = anchor === null ? [] : [anchor];
  const first = lot.slice(0, most);
  const whole = plan(first, required);
  if (whole.ok) return { plan: whole.plan, candidates: first };
  if (!isFree(lot[0])) {
    for (const { withdrawalId } of lot) waiting.set(withdrawalId, whole.code);
    return null;
  }
  let candidates: readonly Candidate[] = [];
  let best: P | null = null;
  for (const candidate of lot) {
    if (candidates.length === most) break;
    const more = plan([...candidates, candidate], required);
    if (more.ok) [candidates, best] = [[...candidates, candidate], more.plan];
    else waiting.set(candidate.withdrawalId, more.code);
  }
  return best === null ? null : { plan: best, candidates };
}
