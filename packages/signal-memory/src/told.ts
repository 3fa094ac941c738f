// Signals as they are told, over the API or on the backend's own topic: the same checks, the same rows.

import type { Result } from "@sluice/core";
import { type ApiKey, type ApiRefusal, refuse } from "@sluice/gate";
import type { Transaction } from "@sluice/postgres";
import type { SignalOutcome, ToldSignal } from "@sluice/signals";
import { storeSignal } from "./signals.ts";

/** A clock of the backend may be ahead by as much; what is told of later than that is a mistake. */
const FUTURE_MS = 5 * 60_000;

/** All of them or none, but for those whose id stands for something else: these are named, and the rest is kept. */
export async function keepSignals(
  tx: Transaction,
  { accounts }: Pick<ApiKey, "accounts">,
  told: readonly ToldSignal[],
  nowMs: number,
): Promise<Result<readonly SignalOutcome[], ApiRefusal>> {
  for (const [at, signal] of told.entries()) {
    if (accounts !== null && !accounts.includes(signal.account)) {
      return refuse(403, "ACCOUNT_NOT_PERMITTED", "this key may not tell of this account");
    }
    if (Date.parse(signal.at) > nowMs + FUTURE_MS) {
      return refuse(422, "SIGNAL_IN_FUTURE", `signals.${at}.at: lies more than five minutes in the future`);
    }
  }
  // Rows are written in one order everywhere, so that two batches with the same events do not wait for each other.
  const ordered = [...told.entries()].toSorted(([, left], [, right]) => (nameOf(left) < nameOf(right) ? -1 : 1));
  const kept: SignalOutcome[] = [];
  for (const [at, signal] of ordered) {
    kept[at] = { account: signal.account, id: signal.id, outcome: await storeSignal(tx, signal, nowMs) };
  }
  return { ok: true, value: kept };
}

function nameOf({ account, id }: ToldSignal): string {
  return `${account}/${id}`;
}
