// Two people have said that a withdrawal has failed, and the chain proves it. What they signed and what the gateway sealed is
// checked here as well, and that no version of its payout could still confirm.
import { type Trust, verifyFailure } from "@sluice/contracts";
import { type Handler, OperatingError } from "@sluice/messaging";
import { failWithdrawal } from "@sluice/wallet-memory";
import { tellOfWork } from "../work.ts";

export function handleWithdrawalFailed(trust: Trust): Handler<"withdrawal.failed.v1"> {
  return async (tx, { envelope }) => {
    const failure = verifyFailure(trust, envelope);
    if (!failure.ok) throw new OperatingError(failure.refusal.code, "park", failure.refusal.detail);
    const outcome = await failWithdrawal(tx, failure.value);
    if (outcome === "failed") await tellOfWork(tx);
    if (outcome === "failed" || outcome === "known") return;
    throw new OperatingError(`FAILED_BUT_${outcome.toUpperCase()}`, "park", `withdrawal ${failure.value.withdrawalId}`);
  };
}
