// Step 10: follows the best chain block by block, back and forth, and says what became of our transactions and coins.

import type { BitcoinNode, Block } from "@sluice/bitcoin-nodes";
import { decodeTransaction, matchOutputs } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import { type Pool, type Transaction, transaction, withLane } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { announceBroadcast } from "./broadcaster.ts";
import * as store from "./store.ts";
import type { OwnScript, WalletScripts } from "./wallet-scripts.ts";

export type FollowerOptions = {
  readonly pool: Pool;
  readonly node: BitcoinNode;
  readonly sealer: Sealer;
  readonly logger: Logger;
  readonly watched: WalletScripts;
  readonly startHeight: number;
  readonly requiredConfirmations: number;
  readonly stopping: AbortSignal;
};

/** A chain that parts from the one read so far this far back is another chain: a person has to look. */
const DEEPEST_FORK_BLOCKS = 100;

/**
 * One round: undoes blocks that left the best chain, reads the new ones, counts confirmations. Every step is one
 * transaction in the lane of the chain and expects the tip it was begun after, so two instances never take one twice.
 */
export async function followChain(options: FollowerOptions): Promise<void> {
  const nodeHeight = await options.node.tipHeight();
  if (!(await undoFork(options, nodeHeight))) return;
  await readNewBlocks(options, nodeHeight);
  await transaction(options.pool, (tx) => countConfirmations(options, tx));
}

/** False when it is not done: somebody else is at it, or the process stops. */
async function undoFork(options: FollowerOptions, nodeHeight: number): Promise<boolean> {
  const { pool, logger, stopping } = options;
  const fork = await findFork(options, nodeHeight);
  if (fork === null) return true;
  for (let tip = await store.readTip(pool); tip !== null && tip.height > fork; tip = await store.readTip(pool)) {
    const undone = tip;
    if (stopping.aborted || !(await transaction(pool, (tx) => undoBlock(options, tx, undone)))) return false;
    logger.warn({ height: undone.height, blockHash: undone.hash }, "a block left the best chain");
  }
  return true;
}

/**
 * The height of the last block that the node's chain shares with what was read; null when the node contradicts nothing.
 * A node that only knows less, because it is still catching up, does not contradict: it is waited for.
 */
async function findFork({ pool, node }: FollowerOptions, nodeHeight: number): Promise<number | null> {
  const tip = await store.readTip(pool);
  if (tip === null) return null;
  const contradicts = async (height: number): Promise<boolean> => {
    const stored = await store.readHashAt(pool, height);
    if (stored === null) return false;
    const hash = await node.hashAt(height);
    return hash !== null && hash !== stored;
  };
  const newest = Math.min(tip.height, nodeHeight);
  if (!(await contradicts(newest))) return null;
  for (let height = newest - 1; tip.height - height <= DEEPEST_FORK_BLOCKS; height -= 1) {
    if (!(await contradicts(height))) return height;
  }
  throw new Error(`the node's chain has had nothing in common with the one read for ${DEEPEST_FORK_BLOCKS} blocks`);
}

/** False when somebody else was faster. */
async function undoBlock(options: FollowerOptions, tx: Transaction, block: store.StoredBlock): Promise<boolean> {
  if (!(await isStillTip(tx, block))) return false;
  for (const reorged of await store.markReorged(tx, block.hash)) {
    const revision = await store.nextRevision(tx);
    await announce(tx, options.sealer, "transaction.reorged.v1", {
      id: `${reorged.txid}/reorged/${revision}`,
      key: reorged.txid,
      occurredAtMs: Date.now(),
      message: { ...about(reorged), blockHash: block.hash, height: block.height, revision },
    });
  }
  await store.removeBlock(tx, block);
  return true;
}

async function readNewBlocks(options: FollowerOptions, nodeHeight: number): Promise<void> {
  const { pool, node, startHeight, stopping, logger } = options;
  while (!stopping.aborted) {
    const tip = await store.readTip(pool);
    const height = tip === null ? startHeight : tip.height + 1;
    if (height > nodeHeight) return;
    const hash = await node.hashAt(height);
    if (hash === null) return;
    const block = await node.block(hash);
    // The chain moved on while it was read: the next round sees the fork.
    if (tip !== null && block.previousHash !== tip.hash) return;
    // Somebody else was faster, or is at it: the next round goes on from there.
    if (!(await transaction(pool, (tx) => readBlock(options, tx, block, tip)))) return;
    logger.debug({ height, blockHash: hash }, "a block was read");
  }
}

async function readBlock(
  options: FollowerOptions,
  tx: Transaction,
  block: Block,
  after: store.StoredBlock | null,
): Promise<boolean> {
  const { sealer, watched } = options;
  if (!(await isStillTip(tx, after))) return false;
  await store.addBlock(tx, block);
  const txids = block.transactions.map((bytes) => decodeTransaction(bytes).txid);
  for (const found of await store.listFound(tx, txids)) {
    // The answer to our own sending may never have come, but what is in a block was broadcast.
    await announceBroadcast(tx, sealer, found);
    await store.markIncluded(tx, found.txid, block);
  }
  for (const used of await store.listWalletUse(tx)) watched.use(used);
  for (const coin of ownCoins(block, watched)) {
    const { walletId, branch, index } = coin.match;
    await store.noteWalletUse(tx, coin.match);
    await announce(tx, sealer, "coin.observed.v1", {
      id: `${walletId}/${coin.txid}:${coin.vout}/${block.hash}`,
      key: walletId,
      occurredAtMs: Date.now(),
      message: {
        ...{ walletId, transactionId: coin.txid, vout: coin.vout, amountSat: coin.amountSat, branch, index },
        ...{ blockHash: block.hash, height: block.height, previousTransaction: coin.bytes },
      },
    });
  }
  return true;
}

type OwnCoin = {
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
  readonly match: OwnScript;
  readonly bytes: Uint8Array;
};

/** A coin may make further scripts watched, and one of those may be paid in the same block: look until nothing is new. */
function ownCoins(block: Block, watched: WalletScripts): readonly OwnCoin[] {
  const coins = block.transactions.flatMap((bytes) =>
    matchOutputs(bytes, watched.scripts).map((output) => ({ ...output, bytes })),
  );
  const grew = coins.map(({ match }) => watched.use(match)).includes(true);
  return grew ? ownCoins(block, watched) : coins;
}

async function countConfirmations(options: FollowerOptions, tx: Transaction): Promise<void> {
  const { sealer, requiredConfirmations } = options;
  if (!(await withLane(tx, LANE))) return;
  const tip = await store.readTip(tx);
  if (tip === null) return;
  for (const included of await store.listIncluded(tx)) {
    const { blockHash, blockHeight } = included;
    if (blockHash === null || blockHeight === null) throw new Error(`${included.txid} is included in no block`);
    const confirmations = tip.height - blockHeight + 1;
    if (confirmations === included.confirmations) continue;
    const final = confirmations >= requiredConfirmations;
    await store.setConfirmations(tx, included.txid, confirmations, final ? "confirmed" : "included");
    const revision = await store.nextRevision(tx);
    const outgoing = { key: included.txid, occurredAtMs: Date.now() };
    const fact = { ...about(included), blockHash, height: blockHeight, confirmations, revision };
    if (final) {
      const id = `${included.txid}/confirmed/${revision}`;
      await announce(tx, sealer, "transaction.confirmed.v1", { ...outgoing, id, message: fact });
    } else {
      const id = `${included.txid}/included/${revision}`;
      const message = { ...fact, requiredConfirmations };
      await announce(tx, sealer, "transaction.included.v1", { ...outgoing, id, message });
    }
    const withdrawalIds = included.withdrawals.map(({ withdrawalId }) => withdrawalId);
    options.logger.info({ transactionId: included.txid, withdrawalIds, confirmations, final }, "confirmations counted");
  }
}

const LANE = "chain";

/** In the lane, so that whoever else follows the chain is either before or after this transaction. */
async function isStillTip(tx: Transaction, expected: store.StoredBlock | null): Promise<boolean> {
  if (!(await withLane(tx, LANE))) return false;
  const tip = await store.readTip(tx);
  return tip?.hash === expected?.hash;
}

function about({ txid, withdrawals }: store.ChainTransaction) {
  return { transactionId: txid, withdrawals };
}
