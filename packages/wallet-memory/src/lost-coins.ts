// Coins that are in the best chain unspent, and that only transactions spend which can confirm no more (ADR 18).
import type { Coin } from "@sluice/chains";
import type { Transaction } from "@sluice/postgres";
import { parseOutpoint } from "./coins.ts";

const MOST_COINS = 20;

/**
 * The smallest first. Every transaction that may have been signed with one has lost another input to a transaction of ours that
 * has so many blocks above its own, by the highest block that any coin was seen in. As many as the gateway follows a fork
 * back, and no reorganisation makes two live transactions of them. What zone or holders refused all the same is left alone.
 */
export async function lostCoins(tx: Transaction, walletId: string, blocks: number): Promise<readonly Coin[]> {
  const { rows } = await tx.query<Omit<Coin, "txid" | "vout"> & { outpoint: string }>(
    `select outpoint, amount_sat as "amountSat", branch, path_index as index, previous_transaction as "previousTransaction"
     from coin
     where wallet_id = $1 and state = 'unspent' and tied_to is not null and height is not null
       and not exists (select from reservation where reservation.outpoint = coin.outpoint)
       and not exists (select from coin_sighting seen where seen.outpoint = coin.outpoint and not seen.present)
       and not exists (
         select from task_input input join task on task.id = input.task_id
         where input.outpoint = coin.outpoint and task.state = 'refused'
           and task.code in ('INPUT_IN_USE', 'INPUT_ALREADY_SIGNED'))
       and not exists (
         select from task_input input join task loser on loser.id = input.task_id
         where input.outpoint = coin.outpoint
           and (loser.state <> 'refused' or exists (select from task_decision said where said.task_id = loser.id))
           and not exists (
             select from task_input other join coin taken on taken.outpoint = other.outpoint
               join task winner on winner.transaction_id = taken.spent_by and winner.state = 'confirmed'
             where other.task_id = loser.id and winner.id <> loser.id and winner.block_height + $2 <= (
               select height from coin newest
               where not exists (select from coin_sighting seen where seen.outpoint = newest.outpoint and not seen.present)
                 and height is not null order by height desc limit 1)))
     order by amount_sat, outpoint limit ${MOST_COINS}`,
    [walletId, blocks],
  );
  return rows.map(({ outpoint, ...coin }) => ({ ...coin, ...parseOutpoint(outpoint) }));
}
