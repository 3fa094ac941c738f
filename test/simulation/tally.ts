// What many histories come to, in one thread or over several.
import { type Outcome, runHistory } from "./history.ts";

export type Tally = {
  histories: number;
  steps: number;
  withdrawals: number;
  completed: number;
  readonly faults: Record<string, number>;
  readonly states: Record<string, number>;
  readonly violations: { readonly seed: number; readonly detail: string }[];
};

export function emptyTally(): Tally {
  return { histories: 0, steps: 0, withdrawals: 0, completed: 0, faults: {}, states: {}, violations: [] };
}

/** Runs the seeds from the first on; ends early at the first violation. */
export function tallyHistories(first: number, count: number): Tally {
  const tally = emptyTally();
  for (let seed = first; seed < first + count; seed += 1) {
    addOutcome(tally, runHistory(seed));
    if (tally.violations.length > 0) break;
  }
  return tally;
}

function addOutcome(tally: Tally, { seed, steps, withdrawals, completed, faults, states, violation }: Outcome): void {
  tally.histories += 1;
  tally.steps += steps;
  tally.withdrawals += withdrawals;
  tally.completed += completed;
  for (const [kind, times] of faults) tally.faults[kind] = (tally.faults[kind] ?? 0) + times;
  for (const state of states) tally.states[state] = (tally.states[state] ?? 0) + 1;
  if (violation !== null) tally.violations.push({ seed, detail: violation.detail });
}

export function addTally(to: Tally, more: Tally): void {
  to.histories += more.histories;
  to.steps += more.steps;
  to.withdrawals += more.withdrawals;
  to.completed += more.completed;
  for (const [kind, times] of Object.entries(more.faults)) to.faults[kind] = (to.faults[kind] ?? 0) + times;
  for (const [state, times] of Object.entries(more.states)) to.states[state] = (to.states[state] ?? 0) + times;
  to.violations.push(...more.violations);
}
