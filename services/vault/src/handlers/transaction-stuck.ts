// Step 10: the gateway sees that a transaction does not get into a block. What is done about it is decided in the wallet's lane.
import type { Handler } from "@sluice/messaging";
import type { Logger } from "@sluice/runtime";
import { noteStuck, stopLane } from "@sluice/wallet-memory";
import { lockTaskOfTransaction } from "../store/tasks.ts";
import { tellOfWork } from "../work.ts";

/** What nodes never take is not bumped. Where the next one would fare the same, none is planned before a person has looked. */
export function handleTransactionStuck(logger: Logger): Handler<"transaction.stuck.v1"> {
  return async (tx, { message }) => {
    const { transactionId, code, refusalCode, stopsLane } = message;
    if (code !== "UNACCEPTABLE") {
      if (await noteStuck(tx, message)) await tellOfWork(tx);
      return;
    }
    const task = await lockTaskOfTransaction(tx, transactionId);
    if (task === null || stopsLane !== true) return;
    const { walletId } = task;
    const stopped = { walletId, transactionId, outpoint: "", ourTransactionId: transactionId };
    if (!(await stopLane(tx, stopped))) return;
    logger.error({ ...stopped, refusalCode }, "ALARM: LANE_STOPPED: nodes will never take our transaction");
  };
}
