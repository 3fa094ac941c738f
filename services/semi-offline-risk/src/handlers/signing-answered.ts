// Step 7, first half: a holder's answer is verified as it comes and recorded, late ones too.
import type { Wallet } from "@sluice/chains";
import { type OpenedOf, open, type Trust } from "@sluice/contracts";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { judgeAnswer } from "@sluice/second-opinion";
import { recordAnswer } from "../order-store.ts";
import { lockTask } from "../store.ts";

export async function handleSigningAnswered(
  around: {
    readonly pool: Pool;
    readonly trust: Trust;
    readonly wallets: ReadonlyMap<string, Wallet>;
    readonly logger: Logger;
  },
  answered: OpenedOf<"signing.answered.v1">,
): Promise<void> {
  const { message, producer, envelope } = answered;
  if (message.answer.case === "refusal" && message.answer.value.code === "HOLDER_LOCKED") {
    // It says nothing about the order: the holder is asked again when it serves.
    around.logger.warn({ taskId: message.taskId, holder: producer }, "a holder was locked when its order came");
    return;
  }
  await transaction(around.pool, async (tx) => {
    const task = await lockTask(tx, message.taskId);
    const request = task === null ? undefined : open(around.trust, task.envelope, ["signing.requested.v1"]);
    const wallet = task === null ? undefined : around.wallets.get(task.walletId);
    if (request?.ok !== true || wallet === undefined) {
      around.logger.warn({ taskId: message.taskId, holder: producer }, "an answer to no task of ours is dropped");
      return;
    }
    const answer = judgeAnswer(message, request.value.message.psbt, wallet);
    const recorded = await recordAnswer(tx, message.taskId, producer, envelope, answer);
    around.logger.info({ taskId: message.taskId, holder: producer, answer, recorded }, "a holder answered");
  });
}
