// Step 10: tells of transactions that do not get into a block, and of others that stand in their way. What to do is vault's.
import type { BitcoinNode, FeeView } from "@sluice/bitcoin-nodes";
import {
  forgetStuck,
  listContested,
  listPending,
  noteMisses,
  type PendingTransaction,
  saveConflict,
  saveStuck,
} from "@sluice/chain-memory";
import { conflictNews, isStuckNews, judgeStuck, type StuckPolicy, type ToldConflict } from "@sluice/chain-watch";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import { type Pool, type Transaction, transaction, withLane } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { CHAIN_LANE, nextRevision } from "./store.ts";

export type WatchOptions = {
  readonly pool: Pool;
  readonly node: BitcoinNode;
  readonly sealer: Sealer;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly rebroadcastAfterMs: number;
  readonly stuck: StuckPolicy;
  /** What blocks ask for at present; null when nobody knows. */
  readonly fees: () => Promise<FeeView | null>;
};

/** Looks at what is to be sent again, just before it is: whether nodes still have it, and whether it pays enough. */
export async function watchPending(options: WatchOptions): Promise<void> {
  const { pool, stopping, rebroadcastAfterMs } = options;
  const pending = await listPending(pool, new Date(Date.now() - rebroadcastAfterMs));
  if (pending.length === 0) return;
  const wantedSatPerKvbyte = wantedOf(await options.fees());
  for (const each of pending) {
    if (stopping.aborted) return;
    await lookAt(options, each, wantedSatPerKvbyte);
  }
}

/** A payout is worth a block within the hour. Without an estimate, what nodes ask for taking anything at all. */
const TARGET_BLOCKS = 6;

function wantedOf(fees: FeeView | null): bigint | null {
  const estimate = fees?.estimates.find(({ targetBlocks }) => targetBlocks >= TARGET_BLOCKS);
  return estimate?.satPerKvbyte ?? fees?.minimumSatPerKvbyte ?? null;
}

async function lookAt(
  { pool, node, sealer, stuck: policy, logger }: WatchOptions,
  { said, ...pending }: PendingTransaction,
  wantedSatPerKvbyte: bigint | null,
): Promise<void> {
  const { txid, withdrawals, sinceMs } = pending;
  const entry = await node.mempoolEntry(txid);
  const misses = entry === null ? pending.misses + 1 : 0;
  await noteMisses(pool, txid, misses);
  const vbytes = pending.transaction.length;
  const stuck = judgeStuck({ ...pending, misses, vbytes, entry, wantedSatPerKvbyte }, policy, Date.now());
  if (stuck === null) {
    if (said !== null) await forgetStuck(pool, txid);
    return;
  }
  if (!isStuckNews(stuck, said, policy, Date.now())) return;
  await transaction(pool, async (tx) => {
    // Who does not get the lane, for the revision's sake, says it the next time.
    if (!(await withLane(tx, CHAIN_LANE)) || !(await saveStuck(tx, txid, stuck))) return;
    const revision = await nextRevision(tx);
    await announce(tx, sealer, "transaction.stuck.v1", {
      id: `${txid}/stuck/${revision}`,
      key: txid,
      occurredAtMs: Date.now(),
      message: { transactionId: txid, withdrawals, sinceMs: Math.floor(sinceMs), ...stuck, revision },
    });
    logger.warn({ transactionId: txid, ...stuck }, "a transaction does not get into a block");
  });
}

/** Tells of each conflict when it changes. In the lane of the chain, so that what is counted is of one moment. */
export async function tellConflicts(
  tx: Transaction,
  { sealer, logger }: Pick<WatchOptions, "sealer" | "logger">,
  tipHeight: number,
  requiredConfirmations: number,
): Promise<void> {
  let revision: number | null = null;
  for (const { txid, withdrawals, conflicts, said } of await listContested(tx, tipHeight)) {
    const news = conflictNews(conflicts, said, requiredConfirmations);
    if (news === null) {
      if (conflicts.length === 0) await saveConflict(tx, txid, null);
      continue;
    }
    await saveConflict(tx, txid, news);
    revision ??= await nextRevision(tx);
    await announce(tx, sealer, "transaction.conflicted.v1", {
      id: `${txid}/conflicted/${revision}`,
      key: txid,
      occurredAtMs: Date.now(),
      message: { transactionId: txid, withdrawals, ...worded(news), requiredConfirmations, revision },
    });
    const line = "another transaction spends what one of ours spends";
    const about = { transactionId: txid, ...news };
    if (news.own) logger.info(about, line);
    else logger.warn(about, line);
  }
}

function worded({ otherTxid, blockHash, spent, ...conflict }: ToldConflict) {
  const all = spent.map(({ outpoint, own, height, confirmations, ...each }) => {
    return { outpoint, own, height, confirmations, transactionId: each.otherTxid, blockHash: each.blockHash ?? "" };
  });
  return { ...conflict, conflictingTransactionId: otherTxid, blockHash: blockHash ?? "", spent: all };
}
