// The five withdrawals of the demo and how each has to end.
import type { NewWithdrawal, WithdrawalDetails } from "@sluice/client";

export type DemoWithdrawal = {
  readonly request: NewWithdrawal;
  readonly endsAs: "completed" | "rejected" | "refused";
  /** How many people have to approve it, for its amount. */
  readonly approvals: number;
};

/** Above it two people approve: online by the policy, in the zone by the bundle, at each holder by a list of its own. */
export const TWO_PEOPLE_ABOVE_SAT = 43_000_000n;

export type Outcome = {
  readonly withdrawal: DemoWithdrawal;
  /** As online-risk tells it. */
  readonly details: WithdrawalDetails;
  /** As the node tells it; null when nothing was paid. */
  readonly payment: { readonly txid: string; readonly confirmations: number } | null;
  /** What is not as it has to be. */
  readonly faults: readonly string[];
};

export function expectations(addresses: {
  readonly first: string;
  readonly second: string;
  readonly third: string;
  readonly online: string;
  readonly offline: string;
}): readonly DemoWithdrawal[] {
  const request = (id: string, account: string, amount: bigint, address: string): NewWithdrawal => ({
    id,
    account,
    asset: "BTC",
    amount,
    address,
  });
  return [
    { request: request("demo-1", "alice", 15_000_000n, addresses.first), endsAs: "completed", approvals: 0 },
    { request: request("demo-2", "mallory", 5_000_000n, addresses.offline), endsAs: "refused", approvals: 0 },
    { request: request("demo-3", "bob", 42_000_000n, addresses.second), endsAs: "completed", approvals: 0 },
    { request: request("demo-4", "trent", 1_000_000n, addresses.online), endsAs: "rejected", approvals: 0 },
    { request: request("demo-5", "dora", 45_000_000n, addresses.third), endsAs: "completed", approvals: 2 },
  ];
}

/** Counted from the states that were read back. */
export function summaryLine(outcomes: readonly Outcome[]): string {
  const count = (state: string): number => outcomes.filter(({ details }) => details.state === state).length;
  return `demo: ${outcomes.length} withdrawals, ${count("completed")} completed, ${count("rejected")} rejected, ${count("refused")} refused`;
}
