// Step 10: follows the best chain block by block, back and forth, and says what became of our transactions and coins.

import type { BitcoinNode, Block } from "@sluice/bitcoin-nodes";
import { decodeTransaction } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import { type Pool, type Transaction, transaction, withLane } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { announceBroadcast } from "./broadcaster.ts";
import { loseCoins, readCoins } from "./own-coins.ts";
import * as store from "./store.ts";
import { tellConflicts } from "./troubles.ts";
import type { WalletScripts } from "./wallet-scripts.ts";

export type FollowerOptions = {
  readonly pool: Pool;
  readonly node: BitcoinNode;
  readonly sealer: Sealer;
  readonly logger: Logger;
  readonly watched: WalletScripts;
  readonly startHeight: number;
  readonly requiredConfirmations: number;
  /** A chain that parts from the one read so far farther back is another chain: a person has to look. */
  readonly deepestForkBlocks: number;
  readonly stopping: AbortSignal;
};

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
async function findFork(
  { pool, node, deepestForkBlocks }: FollowerOptions,
  nodeHeight: number,
): Promise<number | null> {
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
  for (let height = newest - 1; tip.height - height <= deepestForkBlocks; height -= 1) {
    if (!(await contradicts(height))) return height;
  }
  const from = tip.height - deepestForkBlocks;
  throw new Error(
    `the node's chain has had nothing in common with the one read for ${deepestForkBlocks} blocks, from height ${from} on: nothing is undone until a person has looked`,
  );
}

/** False when somebody else was faster. */
async function undoBlock(options: FollowerOptions, tx: Transaction, block: store.StoredBlock): Promise<boolean> {
  if (!(await isStillTip(tx, block))) return false;
  const reorgs = await store.markReorged(tx, block);
  const revision = reorgs.length === 0 ? 0 : await store.nextRevision(tx);
  for (const reorged of reorgs) {
    await announce(tx, options.sealer, "transaction.reorged.v1", {
      id: `${reorged.txid}/reorged/${revision}`,
      key: reorged.txid,
      occurredAtMs: Date.now(),
      message: { ...about(reorged), blockHash: block.hash, height: block.height, revision },
    });
  }
  await loseCoins(tx, block, options.sealer);
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
  const decoded = block.transactions.map(decodeTransaction);
  const txids = decoded.map(({ txid }) => txid);
  for (const found of await store.listFound(tx, txids)) {
    // The answer to our own sending may never have come, but what is in a block was broadcast.
    await announceBroadcast(tx, sealer, found);
    await store.markIncluded(tx, found.txid, block);
  }
  await readCoins(tx, block, decoded, watched, sealer);
  return true;
}

async function countConfirmations(options: FollowerOptions, tx: Transaction): Promise<void> {
  if (!(await withLane(tx, store.CHAIN_LANE))) return;
  const tip = await store.readTip(tx);
  if (tip === null) return;
  let revision: number | null = null;
  for (const included of await store.listIncluded(tx)) {
    const confirmations = tip.height - (included.blockHeight ?? tip.height) + 1;
    if (confirmations === included.confirmations) continue;
    revision ??= await store.nextRevision(tx);
    await tellConfirmations(options, tx, included, confirmations, revision);
  }
  await tellConflicts(tx, options, tip.height, options.requiredConfirmations);
}

async function tellConfirmations(
  { sealer, requiredConfirmations, logger }: FollowerOptions,
  tx: Transaction,
  included: store.ChainTransaction,
  confirmations: number,
  revision: number,
): Promise<void> {
  const { txid, blockHash, blockHeight } = included;
  if (blockHash === null || blockHeight === null) throw new Error(`${txid} is included in no block`);
  const final = confirmations >= requiredConfirmations;
  await store.setConfirmations(tx, txid, confirmations, final ? "confirmed" : "included");
  const outgoing = { key: txid, occurredAtMs: Date.now() };
  const fact = { ...about(included), blockHash, height: blockHeight, confirmations, revision };
  if (final) {
    const id = `${txid}/confirmed/${revision}`;
    await announce(tx, sealer, "transaction.confirmed.v1", { ...outgoing, id, message: fact });
  } else {
    const id = `${txid}/included/${revision}`;
    const message = { ...fact, requiredConfirmations };
    await announce(tx, sealer, "transaction.included.v1", { ...outgoing, id, message });
  }
  const withdrawalIds = included.withdrawals.map(({ withdrawalId }) => withdrawalId);
  logger.info({ transactionId: txid, withdrawalIds, confirmations, final }, "confirmations counted");
}

/** In the lane, so that whoever else follows the chain is either before or after this transaction. */
async function isStillTip(tx: Transaction, expected: store.StoredBlock | null): Promise<boolean> {
  if (!(await withLane(tx, store.CHAIN_LANE))) return false;
  const tip = await store.readTip(tx);
  return tip?.hash === expected?.hash;
}

function about({ txid, withdrawals }: store.ChainTransaction) {
  return { transactionId: txid, withdrawals };
}
