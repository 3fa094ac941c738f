// All SQL of the gateway.
import type { Queryable, Transaction } from "@sluice/postgres";

export type TransactionState = "signed" | "broadcast" | "included" | "confirmed";

export type Withdrawals = readonly { readonly withdrawalId: string; readonly attempt: number }[];

export type ChainTransaction = {
  readonly txid: string;
  readonly transaction: Uint8Array;
  readonly withdrawals: Withdrawals;
  readonly state: TransactionState;
  readonly blockHash: string | null;
  readonly blockHeight: number | null;
  readonly confirmations: number;
};

const COLUMNS = `txid, transaction, withdrawals, state, block_hash as "blockHash", block_height as "blockHeight", confirmations`;

/** Who waits for this channel is told, after the commit, that there is something to send. */
export const ADDED_CHANNEL = "transaction_added";

/** "other" when the same transaction is there for other withdrawals: then nothing was changed. */
export async function addTransaction(
  tx: Transaction,
  added: Pick<ChainTransaction, "txid" | "transaction" | "withdrawals"> & { readonly feeSat?: bigint },
): Promise<"added" | "known" | "other"> {
  const withdrawals = JSON.stringify(added.withdrawals);
  const { rowCount } = await tx.query(
    `insert into chain_transaction (txid, transaction, withdrawals, state, fee_sat, pending_height)
     values ($1, $2, $3, 'signed', $4, (select max(height) from block)) on conflict (txid) do nothing`,
    [added.txid, added.transaction, withdrawals, added.feeSat ?? null],
  );
  if (rowCount === 1) {
    await tx.query("select pg_notify($1, '')", [ADDED_CHANNEL]);
    return "added";
  }
  const { rows } = await tx.query<{ same: boolean }>(
    "select withdrawals = $2::jsonb as same from chain_transaction where txid = $1",
    [added.txid, withdrawals],
  );
  return rows[0]?.same === true ? "known" : "other";
}

/**
 * What a node has to be told of, or asked about: what no node is known to have, and what is in no block and was not sent
 * for a while; not what cannot get into the best chain, since a block of it has another in its place. What was tried longest ago comes first, so that what is refused for ever keeps nothing else from its turn.
 */
export async function listUnsettled(database: Queryable, sentBefore: Date): Promise<readonly ChainTransaction[]> {
  const { rows } = await database.query<ChainTransaction>(
    `select ${COLUMNS} from chain_transaction
     where not given_up and (state = 'signed' or (state = 'broadcast' and (sent_at is null or sent_at < $1)))
       and not exists (select from conflict rival where rival.txid = chain_transaction.txid and rival.block_hash is not null)
     order by sent_at nulls first, received_at, txid limit 200`,
    [sentBefore],
  );
  return rows;
}

export type Refusal = { readonly action: string; readonly code: string; readonly reason: string };

/** True when the outcome differs from that of the sending before. */
export async function noteSend(database: Queryable, txid: string, refusal: Refusal | null): Promise<boolean> {
  const { rows } = await database.query<{ changed: boolean }>(
    `update chain_transaction
     set sends = sends + 1, sent_at = now(), last_error = $2, refusal_code = $3, refusal_action = $4
     from (select last_error from chain_transaction where txid = $1 for update) as before
     where txid = $1 returning before.last_error is distinct from $2 as changed`,
    [txid, refusal?.reason ?? null, refusal?.code ?? null, refusal?.action ?? null],
  );
  return rows[0]?.changed === true;
}

/** True when it moved; false when it was there already or is further on. */
export async function markBroadcast(tx: Transaction, txid: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    "update chain_transaction set state = 'broadcast' where txid = $1 and state = 'signed'",
    [txid],
  );
  return rowCount === 1;
}

/** Those of ours among the transactions of a block. */
export async function listFound(tx: Transaction, txids: readonly string[]): Promise<readonly ChainTransaction[]> {
  const { rows } = await tx.query<ChainTransaction>(
    `select ${COLUMNS} from chain_transaction
     where txid = any($1) and state in ('signed', 'broadcast') order by received_at, txid for update`,
    [txids],
  );
  return rows;
}

export async function markIncluded(tx: Transaction, txid: string, block: StoredBlock): Promise<void> {
  await tx.query(
    `update chain_transaction set state = 'included', block_hash = $2, block_height = $3, confirmations = 0
     where txid = $1 and state = 'broadcast'`,
    [txid, block.hash, block.height],
  );
}

/** For a block that was read already. False when it was not, or does not belong to the best chain any more. */
export async function markIncludedLate(tx: Transaction, txid: string, blockHash: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update chain_transaction
     set state = 'included', block_hash = block.hash, block_height = block.height, confirmations = 0
     from block where block.hash = $2 and txid = $1 and state = 'broadcast'`,
    [txid, blockHash],
  );
  return rowCount === 1;
}

/** Back to broadcast, for all that were in a block which left the best chain. A confirmed one goes back too. */
export async function markReorged(tx: Transaction, block: StoredBlock): Promise<readonly ChainTransaction[]> {
  const { rows } = await tx.query<ChainTransaction>(
    `update chain_transaction
     set state = 'broadcast', block_hash = null, block_height = null, confirmations = 0, sent_at = null,
         pending_since = now(), pending_height = $2 - 1, misses = 0
     where block_hash = $1 returning ${COLUMNS}`,
    [block.hash, block.height],
  );
  return rows;
}

/** Those in blocks that are not deep enough yet, or were not when it was last looked. */
export async function listIncluded(tx: Transaction): Promise<readonly ChainTransaction[]> {
  const { rows } = await tx.query<ChainTransaction>(
    `select ${COLUMNS} from chain_transaction where state = 'included' order by block_height, txid for update`,
  );
  return rows;
}

export async function setConfirmations(
  tx: Transaction,
  txid: string,
  confirmations: number,
  state: "included" | "confirmed",
): Promise<void> {
  await tx.query("update chain_transaction set confirmations = $2, state = $3 where txid = $1 and state = 'included'", [
    txid,
    confirmations,
    state,
  ]);
}

/** Whoever follows the chain holds this lane, so that one step comes after the other. */
export const CHAIN_LANE = "chain";

/**
 * Higher than every one before, only to be asked for in the lane of the chain. It is at least the seconds since 2020, so
 * that a database that was restored or made anew does not say new things under old numbers.
 */
export async function nextRevision(tx: Transaction): Promise<number> {
  const { rows } = await tx.query<{ revision: bigint }>(
    `select setval('chain_revision', greatest(nextval('chain_revision'),
       extract(epoch from now() - timestamptz '2020-01-01 00:00:00+00')::bigint)) as revision`,
  );
  return Number(rows[0]?.revision);
}

export type StoredBlock = { readonly height: number; readonly hash: string };

export async function readTip(database: Queryable): Promise<StoredBlock | null> {
  const { rows } = await database.query<StoredBlock>("select height, hash from block order by height desc limit 1");
  return rows[0] ?? null;
}

export async function readHashAt(database: Queryable, height: number): Promise<string | null> {
  const { rows } = await database.query<{ hash: string }>("select hash from block where height = $1", [height]);
  return rows[0]?.hash ?? null;
}

export async function addBlock(tx: Transaction, block: StoredBlock): Promise<void> {
  await tx.query("insert into block (height, hash) values ($1, $2)", [block.height, block.hash]);
}

export async function removeBlock(tx: Transaction, block: StoredBlock): Promise<void> {
  await tx.query("delete from block where height = $1 and hash = $2", [block.height, block.hash]);
}

/** What nodes agree they will never take waits for a person, whatever state it is in. It is tried again all the same. */
const SHOWN_STATE =
  "case when state in ('signed', 'broadcast') and refusal_action = 'never' then 'unacceptable' else state end";

export async function countByState(database: Queryable): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ state: string; count: bigint }>(
    `select ${SHOWN_STATE} as state, count(*) as count from chain_transaction group by 1`,
  );
  return new Map(rows.map(({ state, count }) => [state, Number(count)]));
}

export type ListedTransaction = {
  readonly txid: string;
  readonly state: TransactionState | "unacceptable";
  readonly blockHeight: number | null;
  readonly confirmations: number;
  readonly withdrawals: Withdrawals;
  readonly sends: number;
  /** Why nodes did not take it when it was last sent: rejections.ts of bitcoin-nodes has all of them. */
  readonly refusalCode: string | null;
  /** What was told of it last: what stands in its way, and why it does not get into a block. */
  readonly conflict: { readonly transactionId: string; readonly own: boolean; readonly confirmations: number } | null;
  readonly stuck: string | null;
  readonly lastError: string | null;
};

/** The newest first, for a person. */
export async function listTransactions(database: Queryable): Promise<readonly ListedTransaction[]> {
  const { rows } = await database.query<ListedTransaction>(
    `select txid, ${SHOWN_STATE} as state, withdrawals, block_height as "blockHeight", confirmations, sends,
       refusal_code as "refusalCode", last_error as "lastError", (select code from stuck where stuck.txid = listed.txid) as stuck,
       (select json_build_object('transactionId', other_txid, 'own', own, 'confirmations', conflict.confirmations)
        from conflict where conflict.txid = listed.txid) as conflict
     from chain_transaction listed order by received_at desc limit 200`,
  );
  return rows;
}
