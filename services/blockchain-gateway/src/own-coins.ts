// The wallets' coins: those that a block makes, and those that are gone with a block that left the best chain.
import type { Block } from "@sluice/bitcoin-nodes";
import {
  addCoin,
  type ChainCoin,
  forgetBlock,
  listTaken,
  listWalletUse,
  noteSpends,
  noteWalletUse,
} from "@sluice/chain-memory";
import { type DecodedTransaction, matchOutputs } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import type { Transaction } from "@sluice/postgres";
import * as store from "./store.ts";
import type { WalletScripts } from "./wallet-scripts.ts";

/** Stores and tells what a block gives to the wallets, and stores what it spends of theirs and ours. */
export async function readCoins(
  tx: Transaction,
  block: Block,
  decoded: readonly DecodedTransaction[],
  watched: WalletScripts,
  sealer: Sealer,
): Promise<void> {
  for (const used of await listWalletUse(tx)) watched.use(used);
  const coins = coinsIn(block, watched);
  const revision = coins.length === 0 ? 0 : await store.nextRevision(tx);
  for (const { bytes, ...coin } of coins) {
    await noteWalletUse(tx, coin);
    await addCoin(tx, coin, block.hash);
    await announce(tx, sealer, "coin.observed.v1", {
      // The same block may come back after it was given up, so the revision belongs to the id.
      id: `${coin.walletId}/${coin.txid}:${coin.vout}/${block.hash}/${revision}`,
      key: coin.walletId,
      occurredAtMs: Date.now(),
      message: { ...worded(coin, block, revision), previousTransaction: bytes },
    });
  }
  const spends = decoded.flatMap(({ txid, inputs }) => inputs.map(({ outpoint }) => ({ outpoint, txid })));
  await noteSpends(tx, spends, block.hash);
  await tellTaken(tx, block, true, sealer);
}

/** Forgets and tells what is gone with a block. Each coin may come back in another one. */
export async function loseCoins(tx: Transaction, block: store.StoredBlock, sealer: Sealer): Promise<void> {
  await tellTaken(tx, block, false, sealer);
  const coins = await forgetBlock(tx, block.hash);
  const revision = coins.length === 0 ? 0 : await store.nextRevision(tx);
  for (const coin of coins) {
    await announce(tx, sealer, "coin.vanished.v1", {
      id: `${coin.walletId}/${coin.txid}:${coin.vout}/vanished/${revision}`,
      key: coin.walletId,
      occurredAtMs: Date.now(),
      message: worded(coin, block, revision),
    });
  }
}

/** Of what somebody else spent in this block; or that it is not spent any more, since the block left the best chain. */
async function tellTaken(tx: Transaction, block: store.StoredBlock, isSpent: boolean, sealer: Sealer): Promise<void> {
  for (const { walletId, outpoint, txid } of await listTaken(tx, block.hash)) {
    const revision = await store.nextRevision(tx);
    const place = isSpent ? { blockHash: block.hash, height: block.height, confirmations: 1 } : NOWHERE;
    await announce(tx, sealer, "transaction.conflicted.v1", {
      ...{ id: `${outpoint}/taken/${revision}`, key: walletId, occurredAtMs: Date.now() },
      message: {
        ...{ transactionId: "", withdrawals: [], walletId, outpoint, conflictingTransactionId: txid, own: false },
        ...{ ...place, revision },
      },
    });
  }
}

const NOWHERE = { blockHash: "", height: 0, confirmations: 0 };

function worded({ txid, ...coin }: ChainCoin, { hash, height }: store.StoredBlock, revision: number) {
  return { ...coin, transactionId: txid, blockHash: hash, height, revision };
}

/** A coin may make further scripts watched, and one of those may be paid in the same block: look until nothing is new. */
function coinsIn(block: Block, watched: WalletScripts): readonly (ChainCoin & { readonly bytes: Uint8Array })[] {
  const coins = block.transactions.flatMap((bytes) =>
    matchOutputs(bytes, watched.scripts).map(({ txid, vout, amountSat, match }) => {
      return { txid, vout, amountSat, ...match, bytes };
    }),
  );
  const grew = coins.filter((coin) => watched.use(coin)).length > 0;
  return grew ? coinsIn(block, watched) : coins;
}
