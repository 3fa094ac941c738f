// Step 11, the treasury's part: pending becomes posted, and the fee is paid.
import type { Handler } from "@sluice/messaging";
import { bookFee, bookPayout } from "../book-payout.ts";
import { listPayouts, lockTransaction, noteConfirmed } from "../store.ts";

export const handleTransactionConfirmed: Handler<"transaction.confirmed.v1"> = async (tx, { message }) => {
  const { transactionId: txid } = message;
  const { feeMinor } = await lockTransaction(tx, txid);
  await noteConfirmed(tx, txid, message.blockHash);
  // Not signed yet, as far as is known here: it is posted when that is heard.
  if (feeMinor === null) return;
  for (const payout of await listPayouts(tx, txid)) await bookPayout(tx, txid, "post", payout);
  await bookFee(tx, txid, feeMinor);
};
