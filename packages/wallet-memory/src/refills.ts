// All SQL about wallets that are short of funds.
import type { Queryable, Transaction } from "@sluice/postgres";
import { MAY_CONFIRM } from "./unconfirmed-change.ts";

export type Refill = {
  readonly walletId: string;
  readonly missingSat: bigint;
  readonly waitingWithdrawals: number;
  readonly index: number;
  readonly address: string;
  readonly revision: number;
  readonly toldAt: Date;
};

const COLUMNS = `wallet_id as "walletId", missing_sat as "missingSat", waiting_withdrawals as "waitingWithdrawals",
  path_index as index, address, revision, told_at as "toldAt"`;

export async function findRefill(tx: Transaction, walletId: string): Promise<Refill | null> {
  const { rows } = await tx.query<Refill>(`select ${COLUMNS} from refill where wallet_id = $1 for update`, [walletId]);
  return rows[0] ?? null;
}

export async function saveRefill(tx: Transaction, refill: Refill): Promise<void> {
  const { walletId, missingSat, waitingWithdrawals, index, address, revision, toldAt } = refill;
  await tx.query(
    `insert into refill values ($1, $2, $3, $4, $5, $6, $7) on conflict (wallet_id) do update
     set missing_sat = $2, waiting_withdrawals = $3, path_index = $4, address = $5, revision = $6, told_at = $7`,
    [walletId, missingSat, waitingWithdrawals, index, address, revision, toldAt],
  );
}

export async function listRefills(database: Queryable): Promise<readonly Refill[]> {
  const { rows } = await database.query<Refill>(`select ${COLUMNS} from refill order by wallet_id`);
  return rows;
}

export type Funds = {
  readonly withdrawals: number;
  readonly amountsSat: bigint;
  readonly freeCoins: number;
  readonly freeSat: bigint;
};

/** @param unassigned whether withdrawals that no wallet has taken yet count as this one's */
export async function fundsOf(tx: Transaction, walletId: string, unassigned: boolean): Promise<Funds> {
  const waiting = await tx.query<{ count: bigint; sat: bigint }>(
    `select count(*) as count, coalesce(sum(amount_sat), 0)::bigint as sat from withdrawal
     where state = 'cleared' and waiting_code = 'INSUFFICIENT_FUNDS' and (wallet_id = $1 or ($2 and wallet_id is null))`,
    [walletId, unassigned],
  );
  const free = await tx.query<{ count: bigint; sat: bigint }>(
    `select count(*) as count, coalesce(sum(amount_sat), 0)::bigint as sat from coin
     where wallet_id = $1 and state = 'unspent' and tied_to is null and (height is not null or ${MAY_CONFIRM})
       and not exists (select from reservation where reservation.outpoint = coin.outpoint)
       and not exists (select from coin_sighting seen where seen.outpoint = coin.outpoint and not seen.present)`,
    [walletId],
  );
  return {
    withdrawals: Number(waiting.rows[0]?.count ?? 0n),
    amountsSat: waiting.rows[0]?.sat ?? 0n,
    freeCoins: Number(free.rows[0]?.count ?? 0n),
    freeSat: free.rows[0]?.sat ?? 0n,
  };
}

export async function usedReceivingIndexes(tx: Transaction, walletId: string): Promise<readonly number[]> {
  const { rows } = await tx.query<{ index: number }>(
    "select distinct path_index as index from coin where wallet_id = $1 and branch = 0",
    [walletId],
  );
  return rows.map(({ index }) => index);
}
