// All SQL about the wallets' coins in the best chain, and about what was spent in it.
import type { Queryable, Transaction } from "@sluice/postgres";

export type ChainCoin = {
  readonly walletId: string;
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
  readonly branch: 0 | 1;
  readonly index: number;
};

export async function addCoin(tx: Transaction, coin: ChainCoin, blockHash: string): Promise<void> {
  const { walletId, txid, vout, amountSat, branch, index } = coin;
  await tx.query(
    `insert into chain_coin (outpoint, txid, vout, wallet_id, branch, path_index, amount_sat, block_hash)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (outpoint) do update set block_hash = excluded.block_hash`,
    [`${txid}:${vout}`, txid, vout, walletId, branch, index, amountSat, blockHash],
  );
}

/** Forgets what a block that left the best chain had made and spent. Resolves to the coins that are gone with it. */
export async function forgetBlock(tx: Transaction, blockHash: string): Promise<readonly ChainCoin[]> {
  await tx.query("delete from spend where block_hash = $1", [blockHash]);
  const { rows } = await tx.query<ChainCoin>(
    `delete from chain_coin where block_hash = $1
     returning wallet_id as "walletId", txid, vout, amount_sat as "amountSat", branch, path_index as index`,
    [blockHash],
  );
  return rows;
}

export type Spend = { readonly outpoint: string; readonly txid: string };

/** Of all that a block spends, keeps what was a wallet's coin, or is an input of a transaction that vault released. */
export async function noteSpends(tx: Transaction, spends: readonly Spend[], blockHash: string): Promise<void> {
  await tx.query(
    `insert into spend (outpoint, txid, block_hash)
     select outpoint, txid, $3 from unnest($1::text[], $2::text[]) as spent (outpoint, txid)
     where exists (select from chain_coin coin where coin.outpoint = spent.outpoint)
        or exists (select from own_input own where own.outpoint = spent.outpoint)
     on conflict do nothing`,
    [spends.map(({ outpoint }) => outpoint), spends.map(({ txid }) => txid), blockHash],
  );
}

export type TakenCoin = Spend & { readonly walletId: string };

/**
 * Coins of ours that this block has spent by a transaction that vault never released, and that none of ours spends: else that one
 * has a conflict, which is told of itself.
 */
export async function listTaken(tx: Transaction, blockHash: string): Promise<readonly TakenCoin[]> {
  const { rows } = await tx.query<TakenCoin>(
    `select outpoint, spend.txid, wallet_id as "walletId" from spend join chain_coin using (outpoint)
     where spend.block_hash = $1
       and not exists (select from chain_transaction own where own.txid = spend.txid)
       and not exists (select from own_input own where own.outpoint = spend.outpoint)
     order by outpoint`,
    [blockHash],
  );
  return rows;
}

/** What a transaction of ours spends. */
export async function noteInputs(tx: Transaction, txid: string, outpoints: readonly string[]): Promise<void> {
  await tx.query("insert into own_input (txid, outpoint) select $1, unnest($2::text[]) on conflict do nothing", [
    txid,
    outpoints,
  ]);
}

/** Those that were stored before their inputs were. */
export async function listWithoutInputs(
  database: Queryable,
): Promise<readonly { readonly txid: string; readonly transaction: Uint8Array }[]> {
  const { rows } = await database.query<{ txid: string; transaction: Buffer }>(
    `select txid, transaction from chain_transaction own
     where not exists (select from own_input input where input.txid = own.txid)`,
  );
  return rows;
}

export type WalletUse = Pick<ChainCoin, "walletId" | "branch" | "index">;

/** The highest script that was ever paid, of each branch of each wallet. */
export async function listWalletUse(database: Queryable): Promise<readonly WalletUse[]> {
  const { rows } = await database.query<WalletUse>(
    'select wallet_id as "walletId", branch, highest_index as "index" from wallet_use',
  );
  return rows;
}

export async function noteWalletUse(tx: Transaction, { walletId, branch, index }: WalletUse): Promise<void> {
  await tx.query(
    `insert into wallet_use (wallet_id, branch, highest_index) values ($1, $2, $3)
     on conflict (wallet_id, branch) do update set highest_index = greatest(wallet_use.highest_index, $3)`,
    [walletId, branch, index],
  );
}
