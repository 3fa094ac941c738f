// Whether a coin is what it is said to be, by its own transaction and the wallet. Pure.
import {
  type Coin,
  decodeTransaction,
  deriveScript,
  INDEX_LIMIT,
  TransactionMalformedError,
  type Wallet,
} from "@sluice/chains";

/** What is wrong with the coin; null when nothing is. */
export function coinMismatch(coin: Coin, { descriptor }: Wallet): string | null {
  if (coin.index >= INDEX_LIMIT) return `index ${coin.index} is not below ${INDEX_LIMIT}`;
  const transaction = decoded(coin.previousTransaction);
  if (transaction === null) return "its transaction cannot be read";
  if (transaction.txid !== coin.txid) return `its transaction is ${transaction.txid}`;
  const output = transaction.outputs[coin.vout];
  if (output === undefined) return "its transaction has no such output";
  if (output.amountSat !== coin.amountSat) return `the output holds ${output.amountSat} sat`;
  const { scriptPubKey } = deriveScript(descriptor, coin.branch, coin.index);
  return Buffer.from(output.scriptPubKey).equals(scriptPubKey) ? null : "the output pays another script";
}

function decoded(bytes: Uint8Array): ReturnType<typeof decodeTransaction> | null {
  try {
    return decodeTransaction(bytes);
  } catch (error) {
    if (error instanceof TransactionMalformedError) return null;
    throw error;
  }
}
