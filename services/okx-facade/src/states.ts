// How each state of a withdrawal is told in OKX's numbers and words. One table; the README shows it.
import { WITHDRAWAL_STATES, type WithdrawalState } from "@sluice/core";

export type Stage = "Pending withdrawal" | "Withdrawal in progress" | "Withdrawal complete" | "Cancellation complete";

export type OkxState = {
  readonly state: string;
  readonly stage: Stage;
  /** OKX's own words for the number, for the part behind the colon. */
  readonly words: string;
};

const pending = (state: string, words: string): OkxState => ({ state, stage: "Pending withdrawal", words });
const moving = (state: string, words: string): OkxState => ({ state, stage: "Withdrawal in progress", words });

export const OKX_STATES: Readonly<Record<WithdrawalState, OkxState>> = {
  received: pending("0", "Waiting withdrawal"),
  delayed: pending("0", "Waiting withdrawal"),
  held: pending("4", "Waiting manual review"),
  cleared: pending("7", "Approved"),
  planned: pending("10", "Waiting transfer"),
  signing: pending("10", "Waiting transfer"),
  signing_delayed: pending("5", "Waiting manual review"),
  signed: moving("1", "Broadcasting your transaction to chain"),
  broadcast: moving("1", "Broadcasting your transaction to chain"),
  confirming: moving("15", "Pending transaction validation"),
  completed: { state: "2", stage: "Withdrawal complete", words: "Success" },
  rejected: { state: "-1", stage: "Withdrawal complete", words: "Failed" },
  refused: { state: "-1", stage: "Withdrawal complete", words: "Failed" },
  failed: { state: "-1", stage: "Withdrawal complete", words: "Failed" },
  cancelled: { state: "-2", stage: "Cancellation complete", words: "Canceled" },
};

/** All that OKX documents, those among them that nothing here is ever in. */
const KNOWN = ["19", "17", "10", "0", "4", "5", "6", "8", "9", "12", "7", "1", "15", "16", "-3", "-2", "-1", "2"];

/** Which states a filter by OKX's number asks for; null for a number that is none of OKX's. */
export function statesOf(number: string): readonly WithdrawalState[] | null {
  if (!KNOWN.includes(number)) return null;
  return WITHDRAWAL_STATES.filter((state) => OKX_STATES[state].state === number);
}
