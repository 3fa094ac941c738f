// Step 9 and 10: gives nodes the bytes until one has them, and again when it forgot them. The same bytes, always: sending
// them twice is harmless, so an answer that never came is followed by another send and a look, never by a conclusion.

import type { BitcoinNode } from "@sluice/bitcoin-nodes";
import { listWithoutInputs, noteInputs, noteRival } from "@sluice/chain-memory";
import { inDependencyOrder } from "@sluice/chain-watch";
import { decodeTransaction } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import * as store from "./store.ts";

export type BroadcasterOptions = {
  readonly pool: Pool;
  readonly node: BitcoinNode;
  readonly sealer: Sealer;
  readonly logger: Logger;
  readonly rebroadcastAfterMs: number;
  readonly stopping: AbortSignal;
};

/** What was stored before inputs were: their bytes say what they spend. */
export async function fillInputs(pool: Pool): Promise<void> {
  for (const { txid, transaction: bytes } of await listWithoutInputs(pool)) {
    const outpoints = decodeTransaction(bytes).inputs.map(({ outpoint }) => outpoint);
    await transaction(pool, (tx) => noteInputs(tx, txid, outpoints));
  }
}

/** One round over everything that is not known to be in a block. */
export async function broadcastAll(options: BroadcasterOptions): Promise<void> {
  const { pool, rebroadcastAfterMs, stopping } = options;
  const due = await store.listUnsettled(pool, new Date(Date.now() - rebroadcastAfterMs));
  const decoded = due.map((unsettled) => {
    const { inputs } = decodeTransaction(unsettled.transaction);
    return { ...unsettled, inputs, parents: inputs.map(({ txid }) => txid) };
  });
  for (const unsettled of inDependencyOrder(decoded)) {
    if (stopping.aborted) return;
    await broadcastOne(options, unsettled);
  }
}

/** Says that nodes have a transaction, once, however often it is found to be so. True when it was said. */
export async function announceBroadcast(
  tx: Transaction,
  sealer: Sealer,
  { txid, withdrawals }: store.ChainTransaction,
): Promise<boolean> {
  if (!(await store.markBroadcast(tx, txid))) return false;
  await announce(tx, sealer, "transaction.broadcast.v1", {
    id: `${txid}/broadcast`,
    key: txid,
    occurredAtMs: Date.now(),
    message: { transactionId: txid, withdrawals },
  });
  return true;
}

type Unsettled = store.ChainTransaction & { readonly inputs: readonly { readonly outpoint: string }[] };

async function broadcastOne(options: BroadcasterOptions, unsettled: Unsettled): Promise<void> {
  const { pool, node, sealer } = options;
  const { txid } = unsettled;
  const logger = options.logger.child({
    transactionId: txid,
    withdrawalIds: unsettled.withdrawals.map(({ withdrawalId }) => withdrawalId),
  });
  const answer = await node.send(unsettled.transaction);
  const blockHash = answer.ok && !answer.inChain ? null : await node.blockOf(txid);
  const refusal = answer.ok || blockHash !== null ? null : answer;
  const isNews = await store.noteSend(pool, txid, refusal);
  if (refusal !== null) {
    const { action, code, reason } = refusal;
    const line = "the node does not take the transaction; it is tried again";
    // Another one in its place is told of as a conflict, and is no failure when it is a replacement of ours.
    const rival = await findRival(options, unsettled);
    await noteRival(pool, txid, rival);
    const isAlarm = isNews && rival === null;
    return isAlarm ? logger.warn({ action, code, reason }, line) : logger.debug({ action, code, reason, rival }, line);
  }
  await noteRival(pool, txid, null);
  if (await transaction(pool, (tx) => announceBroadcast(tx, sealer, unsettled))) {
    logger.info("broadcast: the node has the transaction");
  } else logger.debug("sent again");
  if (blockHash !== null && (await includeLate(pool, txid, blockHash))) {
    logger.info({ blockHash }, "found in a block that was read before");
  }
}

/** It came to us after its block was read, so that reading had passed it by. */
const includeLate = async (pool: Pool, txid: string, blockHash: string): Promise<boolean> =>
  await transaction(pool, (tx) => store.markIncludedLate(tx, txid, blockHash));

/** What the mempools have that spends one of its inputs; null when nothing does. */
async function findRival({ node }: BroadcasterOptions, { txid, inputs }: Unsettled) {
  const spenders = await node.mempoolSpenders(inputs.map(({ outpoint }) => outpoint));
  const [rival] = [...spenders].filter(([, spender]) => spender !== txid);
  return rival === undefined ? null : { outpoint: rival[0], txid: rival[1] };
}
