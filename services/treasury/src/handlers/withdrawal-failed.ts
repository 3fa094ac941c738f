// A withdrawal has failed: what was on its way is owed to the customer again. Online-risk says so; what two people signed and what
// the gateway sealed about the chain are checked here as well.
import { type Trust, verifyFailure } from "@sluice/contracts";
import { parseAccountId, parseWithdrawalId } from "@sluice/core";
import { type Handler, OperatingError } from "@sluice/messaging";
import { bookPayout } from "../book-payout.ts";

export function handleWithdrawalFailed(trust: Trust): Handler<"withdrawal.failed.v1"> {
  return async (tx, { envelope }) => {
    const failure = verifyFailure(trust, envelope);
    if (!failure.ok) throw new OperatingError(failure.refusal.code, "park", failure.refusal.detail);
    const { asset, amountMinor, ...said } = failure.value;
    const [withdrawalId, account] = [parseWithdrawalId(said.withdrawalId), parseAccountId(said.account)];
    if (!withdrawalId.ok || !account.ok) throw new OperatingError("PAYOUT_MALFORMED", "park", said.withdrawalId);
    const payout = { withdrawalId: withdrawalId.value, account: account.value, asset, amountMinor };
    await bookPayout(tx, null, "void", payout);
  };
}
