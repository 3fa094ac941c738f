// What the chain says a wallet was paid. Money from outside is income; change of our own transactions is not.
import { deposited, parseAccountId } from "@sluice/core";
import type { Handler } from "@sluice/messaging";
import { addCoin, bookTransfer } from "../store.ts";

/** Coins on the receiving branch belong to the exchange's float until it says otherwise. */
const FLOAT_ACCOUNT = "hot-float";
const RECEIVING = 0;

export const handleCoinObserved: Handler<"coin.observed.v1"> = async (tx, { message }) => {
  const { walletId, branch, amountSat } = message;
  const outpoint = `${message.transactionId}:${message.vout}`;
  if (!(await addCoin(tx, { outpoint, walletId, branch, amountSat }))) return;
  const account = parseAccountId(FLOAT_ACCOUNT);
  if (branch !== RECEIVING || amountSat === 0n || !account.ok) return;
  await bookTransfer(tx, deposited(outpoint, account.value, "BTC", amountSat));
};
