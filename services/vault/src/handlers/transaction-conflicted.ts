// Step 10: somebody else spent a coin that a transaction of ours spends, although nobody else has the keys. Whatever the cause,
// nothing more is planned from that wallet before a person has looked; the other lanes go on.
import { type Handler, OperatingError } from "@sluice/messaging";
import type { Logger } from "@sluice/runtime";
import { noteStanding, stopLane } from "@sluice/wallet-memory";
import { lockTaskOfTransaction } from "../store/tasks.ts";

/**
 * A conflict between two versions of our own is no cause for alarm: whichever confirms is heard of then. Where no transaction
 * of ours is named a coin was taken that none of ours spends; the gateway may know fewer of ours than vault.
 */
export function handleTransactionConflicted(logger: Logger): Handler<"transaction.conflicted.v1"> {
  return async (tx, { message }) => {
    const { transactionId: ourTransactionId, conflictingTransactionId: transactionId, outpoint, own } = message;
    if (own) return;
    const isTaken = ourTransactionId === "";
    const task = await lockTaskOfTransaction(tx, isTaken ? transactionId : ourTransactionId);
    if (isTaken && task !== null) return;
    if (!isTaken && task === null) {
      throw new OperatingError("TRANSACTION_UNKNOWN", "park", `no task planned transaction ${ourTransactionId}`);
    }
    const isBack = isTaken && message.blockHash === "";
    if (isTaken) await noteStanding(tx, outpoint, isBack, message.revision);
    const walletId = task?.walletId ?? message.walletId ?? "";
    if (isBack || !(await stopLane(tx, { walletId, transactionId, outpoint, ourTransactionId }))) return;
    logger.error(
      { walletId, transactionId, outpoint, ourTransactionId },
      "ALARM: LANE_STOPPED: a foreign transaction spends our coin",
    );
  };
}
