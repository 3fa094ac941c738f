// The four withdrawals of the demo and how each has to end.
import type { NewWithdrawal, WithdrawalDetails } from "@sluice/client";

export type DemoWithdrawal = {
  readonly request: NewWithdrawal;
  readonly endsAs: "completed" | "rejected" | "refused";
};

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
    { request: request("demo-1", "alice", 15_000_000n, addresses.first), endsAs: "completed" },
    { request: request("demo-2", "mallory", 5_000_000n, addresses.offline), endsAs: "refused" },
    { request: request("demo-3", "bob", 42_000_000n, addresses.second), endsAs: "completed" },
    { request: request("demo-4", "trent", 1_000_000n, addresses.online), endsAs: "rejected" },
  ];
}

/** Counted from the states that were read back. */
export function summaryLine(outcomes: readonly Outcome[]): string {
  const count = (state: string): number => outcomes.filter(({ details }) => details.state === state).length;
  return `demo: ${outcomes.length} withdrawals, ${count("completed")} completed, ${count("rejected")} rejected, ${count("refused")} refused`;
}
