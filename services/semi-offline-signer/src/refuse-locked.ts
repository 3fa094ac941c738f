// What a locked holder answers: not now. It is no judgement of the order, so nothing goes into the journal.
import { type OpenedOf, type Sealer, seal } from "@sluice/contracts";
import type { Journal } from "@sluice/sign-once";

export const HOLDER_LOCKED = "HOLDER_LOCKED";

export function refuseLocked(
  { message }: OpenedOf<"signing.ordered.v1">,
  { sealer, journal, now }: { readonly sealer: Sealer; readonly journal: Journal; readonly now: () => number },
): Uint8Array {
  const { taskId, round, transactionId, walletId } = message;
  const reason = "this holder has no key until its custodians unlock it";
  const signedBefore = journal.history.transaction(transactionId) !== undefined;
  return seal(sealer, "signing.answered.v1", {
    id: `${taskId}/${round}/locked/${now()}`,
    key: walletId,
    occurredAtMs: now(),
    message: {
      taskId,
      round,
      transactionId,
      answer: { case: "refusal", value: { code: HOLDER_LOCKED, reason, signedBefore } },
    },
  });
}
