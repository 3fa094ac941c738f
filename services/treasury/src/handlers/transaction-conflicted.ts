// Step 10, the treasury's part: somebody else spent a coin of ours. Nothing is booked, since nobody of ours paid anybody; that the
// chain has less than the books say is the alarm.
import type { Handler } from "@sluice/messaging";
import { noteTaken } from "../taken-coins.ts";

export const handleTransactionConflicted: Handler<"transaction.conflicted.v1"> = (tx, { message }) => {
  const { outpoint, conflictingTransactionId: txid, own, blockHash, revision } = message;
  return noteTaken(tx, { outpoint, txid, taken: !own && blockHash !== "", revision });
};
