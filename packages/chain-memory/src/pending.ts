// All SQL about how long a transaction has been waiting for a block, and what was said about that.
import type { Stuck, StuckSaid } from "@sluice/chain-watch";
import type { Queryable, Transaction } from "@sluice/postgres";

export type PendingTransaction = {
  readonly txid: string;
  readonly transaction: Uint8Array;
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[];
  readonly feeSat: bigint | null;
  readonly sinceMs: number;
  readonly blocksSince: number;
  readonly misses: number;
  /** Why nodes say that they will never take it; null while they do not. */
  readonly neverCode: string | null;
  readonly said: StuckSaid | null;
};

type Row = Omit<PendingTransaction, "said"> & { readonly [K in keyof StuckSaid]: StuckSaid[K] | null };

/** Those that are to be sent again, and that nothing else stands in the way of. */
export async function listPending(database: Queryable, sentBefore: Date): Promise<readonly PendingTransaction[]> {
  const { rows } = await database.query<Row>(
    `select own.txid, transaction, withdrawals, fee_sat as "feeSat", misses,
            case when refusal_action = 'never' then refusal_code end as "neverCode",
            (extract(epoch from pending_since) * 1000)::float8 as "sinceMs",
            coalesce((select max(height) from block) - pending_height, 0) as "blocksSince",
            code, wanted_sat_per_kvbyte as "wantedSatPerKvbyte", replacement_fee_sat as "replacementFeeSat", descendants,
            times, (extract(epoch from said_at) * 1000)::float8 as "saidAtMs"
     from chain_transaction own left join stuck using (txid)
     where state in ('signed', 'broadcast') and not given_up and sends > 0 and sent_at < $1
       and not exists (select from conflict where conflict.txid = own.txid)
     order by sent_at, own.txid limit 200`,
    [sentBefore],
  );
  return rows.map(({ code, wantedSatPerKvbyte, replacementFeeSat, descendants, times, saidAtMs, ...pending }) => {
    const said = { code, wantedSatPerKvbyte, replacementFeeSat, descendants, times, saidAtMs };
    return { ...pending, said: code === null ? null : (said as StuckSaid) };
  });
}

export async function noteMisses(database: Queryable, txid: string, misses: number): Promise<void> {
  await database.query("update chain_transaction set misses = $2 where txid = $1 and misses <> $2", [txid, misses]);
}

/** False when it got into a block meanwhile, so that there is nothing to say. */
export async function saveStuck(tx: Transaction, txid: string, stuck: Stuck): Promise<boolean> {
  const { code, wantedSatPerKvbyte, replacementFeeSat, descendants } = stuck;
  const { rowCount } = await tx.query(
    `insert into stuck (txid, code, wanted_sat_per_kvbyte, replacement_fee_sat, descendants)
     select txid, $2, $3, $4, $5 from chain_transaction where txid = $1 and state in ('signed', 'broadcast')
     on conflict (txid) do update
       set times = case when stuck.code = excluded.code then stuck.times + 1 else 1 end, code = excluded.code,
           wanted_sat_per_kvbyte = excluded.wanted_sat_per_kvbyte,
           replacement_fee_sat = excluded.replacement_fee_sat, descendants = excluded.descendants, said_at = now()`,
    [txid, code, wantedSatPerKvbyte, replacementFeeSat, descendants],
  );
  return rowCount === 1;
}

export async function forgetStuck(database: Queryable, txid: string): Promise<void> {
  await database.query("delete from stuck where txid = $1", [txid]);
}
