// What the zone says about a task that it does not sign (now).
import type { MessageOf } from "@sluice/contracts";
import { aboutWithdrawals } from "./finding.ts";
import type { Judgement, ReadSoFar } from "./index.ts";

/** The report of a delay or refusal, without the number that it gets when it is written down. */
export function reportOf(
  taskId: string,
  { withdrawals, txid }: ReadSoFar,
  judgement: Exclude<Judgement, { readonly kind: "sign" }>,
): Omit<MessageOf<"risk.reported.v1">, "number"> {
  const head = { taskId, transactionId: txid, withdrawals };
  if (judgement.kind === "delay") {
    const findings = aboutWithdrawals(judgement.findings, "delay");
    return { ...head, verdict: { case: "delayed", value: { untilMs: judgement.untilMs, findings } } };
  }
  const findings = aboutWithdrawals(judgement.findings, "refuse");
  return { ...head, verdict: { case: "refused", value: { findings, signatureMayExist: false } } };
}
