// Step 9, the gateway's half: the signed bytes are stored before any node sees them.

import { noteInputs } from "@sluice/chain-memory";
import { decodeTransaction } from "@sluice/chains";
import { type Handler, OperatingError } from "@sluice/messaging";
import { addTransaction } from "../store.ts";

export const handleTransactionSigned: Handler<"transaction.signed.v1"> = async (tx, { message }) => {
  const { transactionId, transaction, payouts, feeSat } = message;
  const { txid, inputs } = decodeTransaction(transaction);
  if (txid !== transactionId) {
    throw new OperatingError("TXID_MISMATCH", "park", `the bytes are ${txid}, the message says ${transactionId}`);
  }
  const withdrawals = payouts.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
  if ((await addTransaction(tx, { txid, transaction, withdrawals, feeSat })) === "other") {
    throw new OperatingError("TRANSACTION_CHANGED", "park", `${txid} was released before, for other withdrawals`);
  }
  await noteInputs(
    tx,
    txid,
    inputs.map(({ outpoint }) => outpoint),
  );
};
