// A withdrawal as the API shows it.
import type { WithdrawalDetails, WithdrawalSummary } from "@sluice/client/api";
import type { Queryable } from "@sluice/postgres";
import { listFindings } from "./store/findings.ts";
import { listChanges, type Stored } from "./store/withdrawals.ts";

export function summaryOf(stored: Stored): WithdrawalSummary {
  const { id, account, asset, address, state, detail, revision, confirmations, receivedAtMs, changedAtMs } = stored;
  return {
    ...{ id, account, asset, amount: stored.amountMinor.toString(), address, state, detail, revision },
    ...{ txid: stored.transactionId, confirmations, receivedAtMs, changedAtMs },
  };
}

export async function detailsOf(database: Queryable, stored: Stored): Promise<WithdrawalDetails> {
  const history = await listChanges(database, stored.id);
  const timings: WithdrawalDetails["timings"] = Object.fromEntries(
    // Entered from the newest to the oldest, so that the first time of each state stays; other clocks may be behind ours.
    history.toReversed().map(({ state, atMs }) => [state, Math.max(0, atMs - stored.receivedAtMs)]),
  );
  return {
    ...summaryOf(stored),
    requiredConfirmations: stored.requiredConfirmations,
    notBeforeMs: stored.state === "held" || stored.state === "delayed" ? stored.notBeforeMs : null,
    approvals: { required: stored.approvalsRequired, by: stored.approvedBy },
    findings: await listFindings(database, stored.id),
    history,
    timings,
  };
}
