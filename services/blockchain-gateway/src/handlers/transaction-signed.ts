// Step 9, the gateway's half: the signed bytes are stored before any node sees them.

import { listWalletUse, noteInputs, noteWalletUse } from "@sluice/chain-memory";
import { decodeTransaction, matchOutputs } from "@sluice/chains";
import { type Handler, OperatingError } from "@sluice/messaging";
import { addTransaction } from "../store.ts";
import type { WalletScripts } from "../wallet-scripts.ts";

/** @param watched grows with the change that is on its way, so that blocks may bring it in any order. */
export const handleTransactionSigned =
  (watched: WalletScripts): Handler<"transaction.signed.v1"> =>
  async (tx, { message }) => {
    const { transactionId, transaction, payouts, feeSat } = message;
    const { txid, inputs } = decodeTransaction(transaction);
    if (txid !== transactionId) {
      throw new OperatingError("TXID_MISMATCH", "park", `the bytes are ${txid}, the message says ${transactionId}`);
    }
    const withdrawals = payouts.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
    if ((await addTransaction(tx, { txid, transaction, withdrawals, feeSat })) === "other") {
      throw new OperatingError("TRANSACTION_CHANGED", "park", `${txid} was released before, for other withdrawals`);
    }
    for (const used of await listWalletUse(tx)) watched.use(used);
    for (const { match } of matchOutputs(transaction, watched.scripts)) {
      await noteWalletUse(tx, match);
      watched.use(match);
    }
    await noteInputs(
      tx,
      txid,
      inputs.map(({ outpoint }) => outpoint),
    );
  };
