// Step 4: a task is on disk before it is accepted. The first content under an id is the only one there ever is.
import { createHash } from "node:crypto";
import { encodeMessage, open, type Trust } from "@sluice/contracts";
import { type Pool, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { type Accepted, acceptTask, repeatReport } from "@sluice/zone-memory";

export type Received = Accepted | "not-opened";

/**
 * Resolves when vault may forget the message. Rejects while the database is away or as many tasks are open as may be:
 * then it comes again, those behind it wait on vault's side, and holders that are slow slow vault.
 */
export async function handleSigningRequested(
  around: { readonly pool: Pool; readonly trust: Trust; readonly logger: Logger },
  envelope: Uint8Array,
): Promise<Received> {
  const opened = open(around.trust, envelope, ["signing.requested.v1"]);
  if (!opened.ok) {
    // Nobody is known who could be answered.
    around.logger.error({ refusal: opened.refusal }, "ALARM: what came from vault does not open, and is dropped");
    return "not-opened";
  }
  const { message } = opened.value;
  const sha256 = createHash("sha256").update(encodeMessage("signing.requested.v1", message)).digest();
  const accepted = await transaction(around.pool, async (tx) => {
    const task = { id: message.taskId, walletId: message.walletId, envelope, sha256 };
    const result = await acceptTask(tx, task);
    if (result === "known") await repeatReport(tx, message.taskId);
    return result;
  });
  if (accepted === "full") throw new Error(`TASKS_OPEN: task ${message.taskId} has to wait for the tasks before it`);
  if (accepted === "changed") {
    around.logger.error({ taskId: message.taskId }, "ALARM: TASK_CHANGED: a task id came with other content");
  } else {
    around.logger.info({ taskId: message.taskId, accepted }, "a signature task was accepted");
  }
  return accepted;
}
