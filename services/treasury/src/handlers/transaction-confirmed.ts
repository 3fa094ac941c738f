// Step 11, the treasury's part: pending becomes posted, and the fee is paid.
import type { Handler } from "@sluice/messaging";
import { settleTransaction } from "../book-payout.ts";
import { lockTransaction, noteFinality } from "../store.ts";

export const handleTransactionConfirmed: Handler<"transaction.confirmed.v1"> = async (tx, { message }) => {
  const { transactionId: txid, blockHash, revision } = message;
  await lockTransaction(tx, txid);
  if (await noteFinality(tx, txid, blockHash, revision)) await settleTransaction(tx, txid);
};
