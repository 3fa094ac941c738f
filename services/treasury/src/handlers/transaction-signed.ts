// Step 9, the treasury's half: what the customers are owed goes on its way. If the chain was faster, it is paid at once.

import type { MessageOf } from "@sluice/contracts";
import { type Payout, parseAccountId, parseWithdrawalId } from "@sluice/core";
import { type Handler, OperatingError } from "@sluice/messaging";
import { bookPayout, settleTransaction } from "../book-payout.ts";
import { lockTransaction, noteSigned } from "../store.ts";

export const handleTransactionSigned: Handler<"transaction.signed.v1"> = async (tx, { message }) => {
  const { transactionId: txid, feeSat } = message;
  await lockTransaction(tx, txid);
  const spent = message.spent.map(({ transactionId, vout }) => `${transactionId}:${vout}`);
  await noteSigned(tx, txid, feeSat, spent);
  for (const payout of message.payouts) await bookPayout(tx, txid, "pend", readPayoutOf(payout));
  await settleTransaction(tx, txid);
};

function readPayoutOf(payout: MessageOf<"transaction.signed.v1">["payouts"][number]): Payout {
  const withdrawalId = parseWithdrawalId(payout.withdrawalId);
  const account = parseAccountId(payout.account);
  if (!withdrawalId.ok || !account.ok) {
    throw new OperatingError("PAYOUT_MALFORMED", "park", `${payout.withdrawalId} of ${payout.account}`);
  }
  return { withdrawalId: withdrawalId.value, account: account.value, asset: "BTC", amountMinor: payout.amountSat };
}
