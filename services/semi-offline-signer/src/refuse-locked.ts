// What a holder answers that cannot judge: not now. It is no judgement of the order, so nothing goes into the journal.
import { type OpenedOf, type Sealer, seal } from "@sluice/contracts";
import type { Journal } from "@sluice/sign-once";
import type { HolderRefusal } from "./judge-order.ts";

export const LOCKED: HolderRefusal = {
  code: "HOLDER_LOCKED",
  reason: "this holder has no key until its custodians unlock it",
};

export function refuseForNow(
  { message }: OpenedOf<"signing.ordered.v1">,
  { code, reason }: HolderRefusal,
  { sealer, journal, now }: { readonly sealer: Sealer; readonly journal: Journal; readonly now: () => number },
) {
  const { taskId, round, transactionId, walletId } = message;
  const signedBefore = journal.history.transaction(transactionId) !== undefined;
  const envelope = seal(sealer, "signing.answered.v1", {
    id: `${taskId}/${round}/${code}/${now()}`,
    key: walletId,
    occurredAtMs: now(),
    message: { taskId, round, transactionId, answer: { case: "refusal", value: { code, reason, signedBefore } } },
  });
  return { envelope, outcome: code };
}
