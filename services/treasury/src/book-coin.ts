// Books money that came from outside while its coin is in the best chain, and books it back when it is not.
import type { MessageOf } from "@sluice/contracts";
import { deposited, parseAccountId } from "@sluice/core";
import type { Transaction } from "@sluice/postgres";
import { bookTransfer, noteCoin, reverseTransfer } from "./store.ts";

/** Coins on the receiving branch belong to the exchange's float until it says otherwise. */
const FLOAT_ACCOUNT = "hot-float";
const RECEIVING = 0;

export async function bookCoin(
  tx: Transaction,
  coin: Omit<MessageOf<"coin.vanished.v1">, "blockHash" | "height">,
  present: boolean,
): Promise<void> {
  const { walletId, branch, amountSat, revision } = coin;
  const outpoint = `${coin.transactionId}:${coin.vout}`;
  if (!(await noteCoin(tx, { outpoint, walletId, branch, amountSat, present, revision }))) return;
  const account = parseAccountId(FLOAT_ACCOUNT);
  if (branch !== RECEIVING || amountSat === 0n || !account.ok) return;
  const income = deposited(outpoint, account.value, "BTC", amountSat);
  await (present ? bookTransfer(tx, income) : reverseTransfer(tx, income));
}
