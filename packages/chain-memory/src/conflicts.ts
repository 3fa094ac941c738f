// All SQL about other transactions that spend what ours spend.
import type { Conflict, ToldConflict } from "@sluice/chain-watch";
import type { Queryable, Transaction } from "@sluice/postgres";

export type Contested = {
  readonly txid: string;
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[];
  /** All that stand in its way now. */
  readonly conflicts: readonly Conflict[];
  /** What was said last. */
  readonly said: ToldConflict | null;
};

type Row = Pick<Contested, "txid" | "withdrawals"> & ToldConflict & { readonly isSaid: boolean };

/**
 * Every transaction of ours that is in no block and has a conflict, or of which one was said. What has lost to another version
 * may lose its other coins to payouts of ours for others, and that is no cause for alarm (ADR 18).
 */
export async function listContested(tx: Transaction, tipHeight: number): Promise<readonly Contested[]> {
  await forgetSettled(tx);
  const { rows } = await tx.query<Row>(
    `with open as (
       select txid, withdrawals, exists (
         select from own_input mine join spend using (outpoint) join chain_transaction winner on winner.txid = spend.txid
         where mine.txid = waiting.txid and pays_in_common(winner.withdrawals, waiting.withdrawals)) as lost
       from chain_transaction waiting where state in ('signed', 'broadcast')),
     seen as (
       select open.txid, spend.outpoint, spend.txid as other, spend.block_hash, block.height
       from open join own_input using (txid) join spend using (outpoint) join block on block.hash = spend.block_hash
       where spend.txid <> open.txid
       union all select txid, outpoint, other_txid, null, 0 from open join mempool_conflict using (txid)
     )
     select open.txid, open.withdrawals, seen.outpoint, other as "otherTxid", block_hash as "blockHash", height,
            case when block_hash is null then 0 else $1 - height + 1 end as confirmations, false as "isSaid", null::jsonb as spent,
            exists (select from chain_transaction rival where rival.txid = other and (
              (rival.withdrawals = '[]' and open.withdrawals = '[]') or open.lost
              or pays_in_common(rival.withdrawals, open.withdrawals))) as own
     from open join seen using (txid)
     union all
     select txid, withdrawals, outpoint, other_txid, block_hash, height, confirmations, true, spent, own
     from open join conflict using (txid)`,
    [tipHeight],
  );
  return [...Map.groupBy(rows, ({ txid }) => txid)].map(([txid, found]) => ({
    txid,
    withdrawals: found[0]?.withdrawals ?? [],
    conflicts: found.filter(({ isSaid }) => !isSaid).map(({ spent: _, ...conflict }) => conflict),
    said: found.find(({ isSaid }) => isSaid) ?? null,
  }));
}

/** What got into a block has no trouble any more. */
async function forgetSettled(tx: Transaction): Promise<void> {
  await tx.query(
    `with settled as (select txid from chain_transaction where state in ('included', 'confirmed')),
     rivals as (delete from mempool_conflict using settled where mempool_conflict.txid = settled.txid),
     waits as (delete from stuck using settled where stuck.txid = settled.txid)
     delete from conflict using settled where conflict.txid = settled.txid`,
  );
}

/** Keeps what was said, or forgets it. While it is in a block the transaction is not sent. */
export async function saveConflict(tx: Transaction, txid: string, said: ToldConflict | null): Promise<void> {
  await tx.query("delete from conflict where txid = $1", [txid]);
  if (said === null) return;
  const { outpoint, otherTxid, own, blockHash, height, confirmations, spent } = said;
  await tx.query(
    `insert into conflict (txid, outpoint, other_txid, own, block_hash, height, confirmations, spent)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [txid, outpoint, otherTxid, own, blockHash, height, confirmations, JSON.stringify(spent)],
  );
}

/** What the mempools have in its place; null once they have it itself. */
export async function noteRival(
  database: Queryable,
  txid: string,
  rival: { readonly outpoint: string; readonly txid: string } | null,
): Promise<void> {
  if (rival === null) {
    await database.query("delete from mempool_conflict where txid = $1", [txid]);
    return;
  }
  await database.query(
    `insert into mempool_conflict (txid, outpoint, other_txid) values ($1, $2, $3)
     on conflict (txid) do update set outpoint = excluded.outpoint, other_txid = excluded.other_txid`,
    [txid, rival.outpoint, rival.txid],
  );
}

/** A person has said of these withdrawals that they have failed: nothing that pays one of them is sent any more, ever. */
export async function giveUpSending(tx: Transaction, withdrawalId: string): Promise<void> {
  await tx.query(
    "update chain_transaction set given_up = true where withdrawals @> jsonb_build_array(jsonb_build_object('withdrawalId', $1::text))",
    [withdrawalId],
  );
}
