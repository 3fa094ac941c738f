// Step 10: the block of a transaction left the best chain. What was final is on its way again, with the same bytes.
import { type Handler, OperatingError } from "@sluice/messaging";
import { lockVersions, markUnconfirmed, reservePayoutAgain } from "@sluice/wallet-memory";
import { lockTaskOfTransaction, noteChainRevision, unconfirmTask } from "../store/tasks.ts";

/** Its coins are reserved for it as before: nothing else may spend them, for it will confirm in another block. */
export const handleTransactionReorged: Handler<"transaction.reorged.v1"> = async (tx, { message }) => {
  const { transactionId, revision } = message;
  await lockVersions(tx, transactionId);
  const task = await lockTaskOfTransaction(tx, transactionId);
  if (task === null) {
    throw new OperatingError("TRANSACTION_UNKNOWN", "park", `no task planned transaction ${transactionId}`);
  }
  if (!(await noteChainRevision(tx, task.taskId, revision)) || task.state !== "confirmed") return;
  await reservePayoutAgain(tx, task.taskId);
  const withdrawalIds = task.withdrawals.map(({ withdrawalId }) => withdrawalId);
  await markUnconfirmed(tx, withdrawalIds, await unconfirmTask(tx, task.taskId));
};
