// A coin of a wallet lies in a block. It may be told twice, late, and after it was spent.
import type { Coin } from "@sluice/chains";
import { type Handler, OperatingError } from "@sluice/messaging";
import { coinMismatch, noteSighting, upsertCoin, useChangeIndex } from "@sluice/wallet-memory";
import type { Wallets } from "../config.ts";
import { tellOfWork } from "../work.ts";

/** Stores the coin after holding it against its own transaction and the wallet: a false one would spoil every plan. */
export function handleCoinObserved(wallets: Wallets): Handler<"coin.observed.v1"> {
  return async (tx, { message }) => {
    const { walletId, transactionId, vout, amountSat, branch, index, previousTransaction, height } = message;
    const wallet = wallets.get(walletId);
    if (wallet === undefined) throw new OperatingError("WALLET_UNKNOWN", "park", `there is no wallet ${walletId} here`);
    const coin: Coin = { txid: transactionId, vout, amountSat, branch, index, previousTransaction };
    const mismatch = coinMismatch(coin, wallet);
    if (mismatch !== null) throw new OperatingError("COIN_MISMATCH", "park", `${transactionId}:${vout}: ${mismatch}`);
    const isNewest = await noteSighting(tx, `${transactionId}:${vout}`, true, message.revision ?? 0);
    await upsertCoin(tx, walletId, coin, height, isNewest);
    if (branch === 1) await useChangeIndex(tx, walletId, index);
    await tellOfWork(tx);
  };
}
