// Two people have said that a withdrawal has failed: what pays it is not sent again, whatever becomes of the chain.
import { giveUpSending } from "@sluice/chain-memory";
import { type Trust, verifyFailure } from "@sluice/contracts";
import { type Handler, OperatingError } from "@sluice/messaging";

export function handleWithdrawalFailed(trust: Trust): Handler<"withdrawal.failed.v1"> {
  return async (tx, { envelope }) => {
    const failure = verifyFailure(trust, envelope);
    if (!failure.ok) throw new OperatingError(failure.refusal.code, "park", failure.refusal.detail);
    await giveUpSending(tx, failure.value.withdrawalId);
  };
}
