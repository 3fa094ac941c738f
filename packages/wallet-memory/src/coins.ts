// All SQL about coins, their reservations and the wallets' change indexes.
import type { Branch, Coin } from "@sluice/chains";
import type { Queryable, Transaction } from "@sluice/postgres";

/** A coin under its outpoint. Seen again, only its height is news: what we spent stays spent. */
export async function upsertCoin(tx: Transaction, walletId: string, coin: Coin, height: number): Promise<void> {
  await tx.query(
    `insert into coin (outpoint, wallet_id, amount_sat, branch, path_index, previous_transaction, height)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (outpoint) do update set height = excluded.height`,
    [`${coin.txid}:${coin.vout}`, walletId, coin.amountSat, coin.branch, coin.index, coin.previousTransaction, height],
  );
}

/** More than one transaction can use: coins are chosen largest first, and each brings its whole previous transaction. */
const MOST_COINS = 500;

/** Unspent, not reserved, and not gone with their blocks: those asked for first, then the largest. */
export async function freeCoins(
  tx: Transaction,
  walletId: string,
  anchors: readonly string[],
): Promise<readonly Coin[]> {
  const { rows } = await tx.query<{
    outpoint: string;
    amountSat: bigint;
    branch: Branch;
    index: number;
    previousTransaction: Buffer;
  }>(
    `select outpoint, amount_sat as "amountSat", branch, path_index as index,
            previous_transaction as "previousTransaction"
     from coin
     where wallet_id = $1 and state = 'unspent'
       and not exists (select from reservation where reservation.outpoint = coin.outpoint)
       and not exists (select from coin_sighting seen where seen.outpoint = coin.outpoint and not seen.present)
     order by outpoint = any($2) desc, amount_sat desc, outpoint limit ${MOST_COINS}`,
    [walletId, anchors],
  );
  return rows.map(({ outpoint, ...coin }) => ({ ...coin, ...parseOutpoint(outpoint) }));
}

/** Reserves coins for a task in the order of its inputs. Fails when one of them is reserved already. */
export async function reserveCoins(tx: Transaction, taskId: string, outpoints: readonly string[]): Promise<void> {
  await tx.query(
    `insert into reservation (outpoint, task_id, position)
     select outpoint, $1, number - 1 from unnest($2::text[]) with ordinality as input (outpoint, number)`,
    [taskId, outpoints],
  );
}

export async function releaseCoins(tx: Transaction, taskId: string): Promise<void> {
  await tx.query("delete from reservation where task_id = $1", [taskId]);
}

/** Step 11. The task's transaction is final, so its coins are gone and the reservation with them. */
export async function spendCoins(tx: Transaction, taskId: string, transactionId: string): Promise<void> {
  await tx.query(
    `with consumed as (delete from reservation where task_id = $1 returning outpoint, position)
     update coin set state = 'spent', spent_by = $2, spent_position = consumed.position
     from consumed where coin.outpoint = consumed.outpoint`,
    [taskId, transactionId],
  );
}

export type ReservedCoin = { readonly outpoint: string; readonly amountSat: bigint };

/** In the order of the task's inputs. */
export async function reservedCoins(database: Queryable, taskId: string): Promise<readonly ReservedCoin[]> {
  const { rows } = await database.query<ReservedCoin>(
    `select outpoint, amount_sat as "amountSat" from reservation join coin using (outpoint)
     where task_id = $1 order by position`,
    [taskId],
  );
  return rows;
}

export function parseOutpoint(outpoint: string): { readonly txid: string; readonly vout: number } {
  const [txid = "", vout = ""] = outpoint.split(":");
  return { txid, vout: Number(vout) };
}

/** How many change outputs the wallet was given so far. The row is locked until the transaction ends. */
export async function nextChangeIndex(tx: Transaction, walletId: string): Promise<number> {
  await tx.query("insert into wallet_index (wallet_id) values ($1) on conflict do nothing", [walletId]);
  const { rows } = await tx.query<{ next: number }>(
    "select next_change_index as next from wallet_index where wallet_id = $1 for update",
    [walletId],
  );
  return rows[0]?.next ?? 0;
}

/** An index that was used, as a plan or the chain says, is not handed out again. */
export async function useChangeIndex(tx: Transaction, walletId: string, index: number): Promise<void> {
  await tx.query(
    `insert into wallet_index (wallet_id, next_change_index) values ($1, $2 + 1)
     on conflict (wallet_id) do update
       set next_change_index = greatest(wallet_index.next_change_index, excluded.next_change_index)`,
    [walletId, index],
  );
}

export type CoinSums = { readonly free: bigint; readonly reserved: bigint; readonly spent: bigint };

export async function sumCoins(database: Queryable): Promise<CoinSums> {
  const { rows } = await database.query<CoinSums>(
    `select coalesce(sum(amount_sat) filter (where state = 'unspent' and task_id is null), 0)::bigint as free,
            coalesce(sum(amount_sat) filter (where state = 'unspent' and task_id is not null), 0)::bigint as reserved,
            coalesce(sum(amount_sat) filter (where state = 'spent'), 0)::bigint as spent
     from coin left join reservation using (outpoint)`,
  );
  return rows[0] ?? { free: 0n, reserved: 0n, spent: 0n };
}
