// Step 7, first half: a holder's answer is verified as it comes and recorded, late ones too.
import type { Wallet } from "@sluice/chains";
import { type OpenedOf, open, type Trust } from "@sluice/contracts";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { judgeAnswer } from "@sluice/second-opinion";
import { lockTask, recordAnswer } from "@sluice/zone-memory";

/** What a holder says of itself instead of an answer. It may sign the same order later, so nothing is freed by it. */
const NOT_NOW = ["HOLDER_LOCKED", "JOURNAL_BEHIND", "ZONE_ROLLED_BACK"];

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
  const code = message.answer.case === "refusal" ? message.answer.value.code : "";
  if (NOT_NOW.includes(code)) {
    // It says nothing about the order: the holder is asked again when it serves.
    around.logger.warn({ taskId: message.taskId, holder: producer, code }, "a holder could not answer its order now");
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
