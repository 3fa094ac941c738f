// Steps 3 to 11 as others report them: each fact goes through the state machine, in any order and more than once.

import type { Sealer } from "@sluice/contracts";
import { decide, type WithdrawalFact } from "@sluice/core";
import { OperatingError } from "@sluice/messaging";
import type { Transaction } from "@sluice/postgres";
import { apply, type Told } from "@sluice/progress";
import { lockWithdrawal, type Stored } from "@sluice/risk-memory";

export type Reported = { readonly withdrawalId: string; readonly fact: WithdrawalFact; readonly told?: Told };

/**
 * Records what one message tells of its withdrawals. A withdrawal that is unknown, and a fact that contradicts what is
 * known, park the whole message with the reason: no honest service reports such a thing, and a person has to look.
 */
export async function record(tx: Transaction, sealer: Sealer, reported: readonly Reported[]): Promise<void> {
  for (const { withdrawalId, fact, told } of inOrder(reported)) {
    const stored = await lockKnown(tx, withdrawalId);
    const decided = decide({ type: "record", fact }, stored);
    if (!decided.ok)
      throw new OperatingError(decided.refusal.code, "park", `${withdrawalId}: ${decided.refusal.detail}`);
    await apply(tx, sealer, stored, decided.value, told);
  }
}

export async function lockKnown(tx: Transaction, withdrawalId: string): Promise<Stored> {
  const stored = await lockWithdrawal(tx, withdrawalId);
  if (stored !== undefined) return stored;
  throw new OperatingError("WITHDRAWAL_UNKNOWN", "park", `${withdrawalId} was never received here`);
}

/** Rows are locked in one order everywhere, so that two messages about the same withdrawals do not wait for each other. */
export function inOrder<T extends { readonly withdrawalId: string }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (a.withdrawalId < b.withdrawalId ? -1 : 1));
}
