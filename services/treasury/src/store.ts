// All SQL of the treasury.
import {
  type AccountId,
  type Asset,
  assertBalanced,
  type BookedPayout,
  standingOf,
  type Transfer,
  type WithdrawalId,
} from "@sluice/core";
import type { Queryable, Transaction } from "@sluice/postgres";

/** Books a transfer, anew if it was booked back. One that stands already is left alone. */
export function bookTransfer(tx: Transaction, transfer: Transfer): Promise<void> {
  return makeStand(tx, transfer, true);
}

/** Books a transfer back with one of its own. One that does not stand is left alone. */
export function reverseTransfer(tx: Transaction, transfer: Transfer): Promise<void> {
  return makeStand(tx, transfer, false);
}

async function makeStand(tx: Transaction, wanted: Transfer, stands: boolean): Promise<void> {
  // Locks the row, so that the same thing is not booked by two at once.
  const { rows } = await tx.query<{ changes: number }>(
    `insert into transfer_standing (id, changes) values ($1, 0)
     on conflict (id) do update set changes = transfer_standing.changes returning changes`,
    [wanted.id],
  );
  const transfer = standingOf(wanted, rows[0]?.changes ?? 0, stands);
  if (transfer === null) return;
  await tx.query("update transfer_standing set changes = changes + 1 where id = $1", [wanted.id]);
  await insertTransfer(tx, transfer);
}

async function insertTransfer(tx: Transaction, transfer: Transfer): Promise<void> {
  assertBalanced(transfer);
  await tx.query("insert into ledger_transfer (id, kind) values ($1, $2)", [transfer.id, transfer.kind]);
  for (const [position, { account, asset, amountMinor }] of transfer.entries.entries()) {
    await tx.query(
      "insert into ledger_entry (transfer_id, position, account, asset, amount_minor) values ($1, $2, $3, $4, $5)",
      [transfer.id, position, account, asset, amountMinor],
    );
  }
}

export type PayoutTransaction = {
  readonly txid: string;
  readonly feeMinor: bigint | null;
  readonly confirmed: boolean;
};

/** The transaction's row, locked, made if need be: signed and confirmed may come in either order. */
export async function lockTransaction(tx: Transaction, txid: string): Promise<PayoutTransaction> {
  await tx.query("insert into payout_transaction (txid) values ($1) on conflict (txid) do nothing", [txid]);
  const { rows } = await tx.query<{ fee_minor: string | null; confirmed_at: Date | null }>(
    "select fee_minor, confirmed_at from payout_transaction where txid = $1 for update",
    [txid],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the row of ${txid} is gone`);
  return {
    txid,
    feeMinor: row.fee_minor === null ? null : BigInt(row.fee_minor),
    confirmed: row.confirmed_at !== null,
  };
}

export async function noteSigned(
  tx: Transaction,
  txid: string,
  feeMinor: bigint,
  spent: readonly string[],
): Promise<void> {
  await tx.query(
    "update payout_transaction set fee_minor = $2, signed_at = now() where txid = $1 and signed_at is null",
    [txid, feeMinor],
  );
  await tx.query("insert into spent_coin (outpoint, txid) select unnest($1::text[]), $2 on conflict do nothing", [
    spent,
    txid,
  ]);
}

/** In which block a transaction is final; null when it is in none any more. False when something newer is known. */
export async function noteFinality(
  tx: Transaction,
  txid: string,
  blockHash: string | null,
  revision: number,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update payout_transaction set block_hash = $2, chain_revision = $3,
            confirmed_at = case when $2::text is null then null else coalesce(confirmed_at, now()) end
     where txid = $1 and chain_revision < $3`,
    [txid, blockHash, revision],
  );
  return rowCount === 1;
}

/** The final transactions that pay a withdrawal: two are an alarm, unless the reorganisation of one is not heard of yet. */
export async function listFinalPayers(tx: Transaction, withdrawalId: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ txid: string }>(
    `select txid from payout_in_transaction join payout_transaction using (txid)
     where withdrawal_id = $1 and confirmed_at is not null order by chain_revision desc`,
    [withdrawalId],
  );
  return rows.map(({ txid }) => txid);
}

/** Withdrawals that more than one final transaction pays. */
export async function listPaidTwice(database: Queryable): Promise<readonly string[]> {
  const { rows } = await database.query<{ id: string }>(
    `select withdrawal_id as id from payout_in_transaction join payout_transaction using (txid)
     where confirmed_at is not null group by withdrawal_id having count(*) > 1 order by withdrawal_id`,
  );
  return rows.map(({ id }) => id);
}

type PayoutRow = {
  readonly withdrawal_id: string;
  readonly account: string;
  readonly asset: string;
  readonly amount_minor: string;
  readonly standing: BookedPayout["standing"];
  readonly posted_by: string | null;
};

export type StoredPayout = BookedPayout & { readonly postedBy: string | null };

const PAYOUT_COLUMNS = "withdrawal_id, account, asset, amount_minor, standing, posted_by";

/** Locked until the transaction ends. */
export function lockPayout(tx: Transaction, withdrawalId: string): Promise<StoredPayout | null> {
  return findPayout(tx, withdrawalId, "for update");
}

export function readPayout(tx: Transaction, withdrawalId: string): Promise<StoredPayout | null> {
  return findPayout(tx, withdrawalId, "");
}

async function findPayout(tx: Transaction, id: string, locked: "for update" | ""): Promise<StoredPayout | null> {
  const sql = `select ${PAYOUT_COLUMNS} from payout where withdrawal_id = $1 ${locked}`;
  const { rows } = await tx.query<PayoutRow>(sql, [id]);
  return rows[0] === undefined ? null : toPayout(rows[0]);
}

/** What a transaction would pay. */
export async function listPayouts(tx: Transaction, txid: string): Promise<readonly StoredPayout[]> {
  const { rows } = await tx.query<PayoutRow>(
    `select ${PAYOUT_COLUMNS} from payout join payout_in_transaction using (withdrawal_id) where txid = $1
     order by withdrawal_id for update of payout`,
    [txid],
  );
  return rows.map(toPayout);
}

export async function savePayout(tx: Transaction, txid: string | null, payout: StoredPayout): Promise<void> {
  const { withdrawalId, account, asset, amountMinor, standing, postedBy } = payout;
  await tx.query(
    `insert into payout (${PAYOUT_COLUMNS}) values ($1, $2, $3, $4, $5, $6)
     on conflict (withdrawal_id) do update set standing = excluded.standing, posted_by = excluded.posted_by`,
    [withdrawalId, account, asset, amountMinor, standing, postedBy],
  );
  if (txid === null) return;
  await tx.query("insert into payout_in_transaction (txid, withdrawal_id) values ($1, $2) on conflict do nothing", [
    txid,
    withdrawalId,
  ]);
}

export async function noteCharge(tx: Transaction, withdrawalId: WithdrawalId, feeMinor: bigint): Promise<void> {
  await tx.query(
    `insert into withdrawal_charge (withdrawal_id, fee_minor) values ($1, $2)
     on conflict (withdrawal_id) do update set fee_minor = excluded.fee_minor`,
    [withdrawalId, feeMinor],
  );
}

/** The row is made if need be and locked, so that a quote and a payout which come at once see each other. */
export async function lockCharge(tx: Transaction, withdrawalId: WithdrawalId): Promise<bigint> {
  await tx.query(
    "insert into withdrawal_charge (withdrawal_id, fee_minor) values ($1, 0) on conflict (withdrawal_id) do nothing",
    [withdrawalId],
  );
  const { rows } = await tx.query<{ fee: string }>(
    "select fee_minor::text as fee from withdrawal_charge where withdrawal_id = $1 for update",
    [withdrawalId],
  );
  return BigInt(rows[0]?.fee ?? "0");
}

export type ChainCoin = {
  readonly outpoint: string;
  readonly walletId: string;
  readonly branch: number;
  readonly amountSat: bigint;
  /** Whether it is in a block of the best chain, as of this revision. */
  readonly present: boolean;
  readonly revision: number;
};

/** False when this or something newer is known. */
export async function noteCoin(tx: Transaction, coin: ChainCoin): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into chain_coin (outpoint, wallet_id, branch, amount_sat, present, revision) values ($1, $2, $3, $4, $5, $6)
     on conflict (outpoint) do update set present = excluded.present, revision = excluded.revision
     where chain_coin.revision < excluded.revision`,
    [coin.outpoint, coin.walletId, coin.branch, coin.amountSat, coin.present, coin.revision],
  );
  return rowCount === 1;
}

export type Balance = { readonly account: string; readonly asset: string; readonly amountMinor: bigint };

export async function listBalances(database: Queryable): Promise<readonly Balance[]> {
  const { rows } = await database.query<{ account: string; asset: string; amount_minor: string }>(
    "select account, asset, sum(amount_minor) as amount_minor from ledger_entry group by account, asset order by account",
  );
  return rows.map(({ account, asset, amount_minor }) => ({ account, asset, amountMinor: BigInt(amount_minor) }));
}

/** What the wallets hold by the best chain: paid to them, less what our confirmed transactions spent, and what was taken. */
export async function chainBalanceSat(database: Queryable): Promise<bigint> {
  const { rows } = await database.query<{ sat: string }>(
    `select coalesce(sum(coin.amount_sat), 0)::text as sat from chain_coin coin
     where present and not exists (
       select from spent_coin spent join payout_transaction using (txid)
       where spent.outpoint = coin.outpoint and confirmed_at is not null
     ) and not exists (select from taken_coin where outpoint = coin.outpoint and taken
                       and txid not in (select txid from payout_transaction where signed_at is not null))`,
  );
  return BigInt(rows[0]?.sat ?? "0");
}

export type ListedPayout = {
  readonly withdrawalId: string;
  /** Of the transaction that paid it or, while none has, the newest that would. */
  readonly txid: string;
  readonly account: string;
  readonly amountMinor: string;
  readonly standing: string;
};

export async function listNewestPayouts(database: Queryable, limit: number): Promise<readonly ListedPayout[]> {
  const { rows } = await database.query<ListedPayout>(
    `select withdrawal_id as "withdrawalId", coalesce(posted_by, newest.txid) as txid, account, amount_minor as "amountMinor",
            standing
     from payout, lateral (
       select txid, signed_at from payout_in_transaction join payout_transaction using (txid)
       where payout_in_transaction.withdrawal_id = payout.withdrawal_id order by signed_at desc, txid limit 1
     ) newest
     order by newest.signed_at desc, withdrawal_id limit $1`,
    [limit],
  );
  return rows;
}

export type ListedTransfer = {
  readonly id: string;
  readonly kind: string;
  readonly bookedAt: Date;
  readonly entries: unknown;
};

const TRANSFERS = `select transfer.id, kind, booked_at as "bookedAt",
    json_agg(json_build_object('account', account, 'asset', asset, 'amountMinor', amount_minor::text) order by position)
      as entries
  from ledger_transfer transfer join ledger_entry on transfer_id = transfer.id`;

/** All transfers that concern a withdrawal or a transaction, in the order in which they were booked. */
export async function listTransfers(database: Queryable, about: string): Promise<readonly ListedTransfer[]> {
  const { rows } = await database.query<ListedTransfer>(
    `${TRANSFERS} where split_part(transfer.id, ':', 2) = $1 group by transfer.id order by booked_at, transfer.id`,
    [about],
  );
  return rows;
}

export async function listNewestTransfers(database: Queryable, limit: number): Promise<readonly ListedTransfer[]> {
  const { rows } = await database.query<ListedTransfer>(
    `${TRANSFERS} where transfer.id in (select id from ledger_transfer order by booked_at desc, id limit $1)
     group by transfer.id order by booked_at desc, transfer.id`,
    [limit],
  );
  return rows;
}

/** The columns hold only what went in through the types of the ledger. */
function toPayout(row: PayoutRow): StoredPayout {
  return {
    withdrawalId: row.withdrawal_id as WithdrawalId,
    account: row.account as AccountId,
    asset: row.asset as Asset,
    amountMinor: BigInt(row.amount_minor),
    standing: row.standing,
    postedBy: row.posted_by,
  };
}
