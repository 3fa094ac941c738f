// Step 10: what was paid is on its way again, and so booked, by transfers of its own. Nothing that was booked is changed.
import type { Handler } from "@sluice/messaging";
import { settleTransaction } from "../book-payout.ts";
import { lockTransaction, noteFinality } from "../store.ts";

export const handleTransactionReorged: Handler<"transaction.reorged.v1"> = async (tx, { message }) => {
  const { transactionId: txid, revision } = message;
  await lockTransaction(tx, txid);
  if (await noteFinality(tx, txid, null, revision)) await settleTransaction(tx, txid);
};
