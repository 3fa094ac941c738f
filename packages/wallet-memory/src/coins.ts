// All SQL about coins, their reservations and the wallets' change indexes.
import { type Coin, decodePayout, INDEX_LIMIT, type Wallet } from "@sluice/chains";
import type { Queryable, Transaction } from "@sluice/postgres";
import { MAY_CONFIRM } from "./unconfirmed-change.ts";

/**
 * A coin under its outpoint. Seen again, only its height is news, if it is the newest: what we spent stays spent, and what was
 * unconfirmed change is the same coin, now in a block.
 */
export async function upsertCoin(
  tx: Transaction,
  walletId: string,
  coin: Coin,
  height: number,
  isNewest: boolean,
): Promise<void> {
  await tx.query(
    `insert into coin (outpoint, wallet_id, amount_sat, branch, path_index, previous_transaction, height)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (outpoint) do update set height = excluded.height where $8`,
    [
      ...[`${coin.txid}:${coin.vout}`, walletId, coin.amountSat, coin.branch, coin.index, coin.previousTransaction],
      ...[height, isNewest],
    ],
  );
}

/** More than one transaction can use: coins are chosen largest first, and each brings its whole previous transaction. */
const MOST_COINS = 500;

/**
 * Unspent, not reserved, and not gone with their blocks: those asked for first, then what is in a block, then the largest.
 * Change that is in no block yet counts for so long after its transaction was released; what takes longer may never confirm.
 * A block may be taken back too, so change of a transaction that may still be replaced does not count before that is final.
 */
export async function freeCoins(
  tx: Transaction,
  walletId: string,
  anchors: readonly string[],
  unconfirmedMaxAgeMs = 0,
): Promise<readonly Coin[]> {
  return readFree(
    tx,
    `(height is not null or known_since > now() - $2 * interval '1 millisecond')
     order by outpoint = any($3) desc, height is null, amount_sat desc, outpoint limit ${MOST_COINS}`,
    [walletId, unconfirmedMaxAgeMs, anchors],
  );
}

/** Free change of our own that is in no block, however long it has been. */
export function unconfirmedChange(tx: Transaction, walletId: string): Promise<readonly Coin[]> {
  return readFree(tx, `height is null order by outpoint limit ${MOST_COINS}`, [walletId]);
}

/** Of the free coins in blocks, so many of the largest and so many of the smallest. */
export async function coinsToTidy(tx: Transaction, walletId: string, each: number): Promise<readonly Coin[]> {
  const ends = ["desc", "asc"].map((order) =>
    readFree(tx, `height is not null order by amount_sat ${order}, outpoint limit $2`, [walletId, each]),
  );
  const coins = (await Promise.all(ends)).flat();
  return [...new Map(coins.map((coin) => [`${coin.txid}:${coin.vout}`, coin])).values()];
}

/** @param where beside what is true of every free coin; its first parameter is the wallet */
async function readFree(tx: Transaction, where: string, parameters: readonly unknown[]): Promise<readonly Coin[]> {
  const { rows } = await tx.query<Omit<Coin, "txid" | "vout"> & { outpoint: string; unconfirmed: boolean }>(
    `select outpoint, amount_sat as "amountSat", branch, path_index as index,
            previous_transaction as "previousTransaction", height is null as unconfirmed
     from coin
     where wallet_id = $1 and state = 'unspent' and tied_to is null
       and (made_by is null or ${MAY_CONFIRM})
       and not exists (select from reservation where reservation.outpoint = coin.outpoint)
       and not exists (select from coin_sighting seen where seen.outpoint = coin.outpoint and not seen.present)
       and ${where}`,
    parameters,
  );
  return rows.map(({ outpoint, unconfirmed, ...coin }) => {
    const placed = { ...coin, ...parseOutpoint(outpoint) };
    return unconfirmed ? { ...placed, confirmed: false } : placed;
  });
}

/** Internal transfers of a wallet that are under way, or that the semi-offline zone refused within the last hour. */
export async function countInternalTransfers(tx: Transaction, walletId: string): Promise<number> {
  const { rows } = await tx.query<{ tasks: bigint }>(
    `select count(*) as tasks from task where wallet_id = $1 and purpose = 'internal'
     and (state not in ('refused', 'confirmed', 'superseded') or (state = 'refused' and planned_at > now() - interval '1 hour'))`,
    [walletId],
  );
  return Number(rows[0]?.tasks ?? 0n);
}

/** Reserves coins for the payout of a task, in the order of the task's inputs. Fails when one is another payout's. */
export async function reserveCoins(tx: Transaction, taskId: string, outpoints: readonly string[]): Promise<void> {
  await tx.query(
    `insert into reservation (outpoint, payout_id)
     select outpoint, payout_id from unnest($2::text[]) as outpoint, task where task.id = $1
     on conflict (outpoint) do nothing`,
    [taskId, outpoints],
  );
  await tx.query(
    `insert into task_input (task_id, outpoint, position, payout_id)
     select task.id, outpoint, number - 1, payout_id
     from task, unnest($2::text[]) with ordinality as input (outpoint, number) where task.id = $1`,
    [taskId, outpoints],
  );
}

/** The task needs its coins no longer. Those that another version of the payout spends as well stay reserved for it. */
export async function releaseCoins(tx: Transaction, taskId: string): Promise<void> {
  await tx.query("update task_input set payout_id = null where task_id = $1", [taskId]);
  await tx.query(
    `delete from reservation using task where task.id = $1 and reservation.payout_id = task.payout_id
     and not exists (select from task_input input
                     where input.outpoint = reservation.outpoint and input.payout_id = reservation.payout_id)`,
    [taskId],
  );
}

export type ReservedCoin = { readonly outpoint: string; readonly amountSat: bigint };

/** In the order of the task's inputs. */
export async function reservedCoins(database: Queryable, taskId: string): Promise<readonly ReservedCoin[]> {
  const { rows } = await database.query<ReservedCoin>(
    `select outpoint, amount_sat as "amountSat" from task_input join coin using (outpoint)
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

/**
 * The indexes of a plan that was refused, and that nobody has signed, are the next ones again if they were the last: else as
 * many refusals as the gap limit, one after the other, would lead where nobody looks.
 */
export async function returnChangeIndex(tx: Transaction, wallet: Wallet, psbt: Uint8Array): Promise<void> {
  const { walletId, descriptor, gapLimit } = wallet;
  const decoded = decodePayout(psbt, descriptor, { gapLimit, indexLimit: INDEX_LIMIT });
  const indexes = decoded.ok ? decoded.value.change.map(({ pathIndex }) => pathIndex) : [];
  const [first, last] = [Math.min(...indexes), Math.max(...indexes)];
  if (indexes.length === 0 || last - first + 1 !== indexes.length) return;
  await tx.query(
    `update wallet_index set next_change_index = $2 where wallet_id = $1 and next_change_index = $3 + 1
     and not exists (select from coin where coin.wallet_id = $1 and branch = 1 and path_index between $2 and $3)`,
    [walletId, first, last],
  );
}

export type CoinSums = Readonly<Record<"free" | "unconfirmed" | "reserved" | "spent" | "lost", bigint>>;

/** What is free and in no block yet is unconfirmed; lost when another version of its payout is final, or may be. */
export async function sumCoins(database: Queryable): Promise<CoinSums> {
  const { rows } = await database.query<{ standing: keyof CoinSums; sat: bigint }>(
    `select case when state = 'spent' then 'spent' when payout_id is not null then 'reserved'
                 when height is not null then 'free' when ${MAY_CONFIRM} then 'unconfirmed' else 'lost' end as standing,
            sum(amount_sat)::bigint as sat
     from coin left join reservation using (outpoint) group by standing`,
  );
  const none: CoinSums = { free: 0n, unconfirmed: 0n, reserved: 0n, spent: 0n, lost: 0n };
  return { ...none, ...Object.fromEntries(rows.map(({ standing, sat }) => [standing, sat])) };
}
