// Step 10: the gateway sees that a transaction does not get into a block. What is done about it is decided in the wallet's lane.
import type { Handler } from "@sluice/messaging";
import { noteStuck } from "@sluice/wallet-memory";
import { tellOfWork } from "../work.ts";

export const handleTransactionStuck: Handler<"transaction.stuck.v1"> = async (tx, { message }) => {
  if (await noteStuck(tx, message)) await tellOfWork(tx);
};
