// Step 11: a transaction is final. Its coins are gone, its withdrawals are paid, its reservation is consumed.
import { type Handler, OperatingError } from "@sluice/messaging";
import { lockVersions, markConfirmed, settlePayout } from "@sluice/wallet-memory";
import { confirmTask, lockTaskOfTransaction, noteChainRevision } from "../store/tasks.ts";

/** What the chain says stands above what the task waits for, except where coins may be in another task already. */
export const handleTransactionConfirmed: Handler<"transaction.confirmed.v1"> = async (tx, { message }) => {
  const { transactionId } = message;
  await lockVersions(tx, transactionId);
  const task = await lockTaskOfTransaction(tx, transactionId);
  if (task === null) {
    throw new OperatingError("TRANSACTION_UNKNOWN", "park", `no task planned transaction ${transactionId}`);
  }
  // A newer reorganisation has taken it back already.
  if (!(await noteChainRevision(tx, task.taskId, message.revision)) || task.state === "confirmed") return;
  if (task.state === "refused") {
    const detail = `${transactionId} of task ${task.taskId} was refused, and yet it is confirmed`;
    throw new OperatingError("REFUSED_TRANSACTION_CONFIRMED", "park", detail);
  }
  await settlePayout(tx, task.taskId, transactionId, message.height);
  await markConfirmed(
    tx,
    task.withdrawals.map(({ withdrawalId }) => withdrawalId),
  );
  await confirmTask(tx, task.taskId);
};
