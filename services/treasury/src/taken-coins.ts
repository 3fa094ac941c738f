// All SQL about coins that strangers spent.
import type { Transaction } from "@sluice/postgres";

export type TakenCoin = {
  readonly outpoint: string;
  readonly txid: string;
  /** False when the stranger's transaction is in no block any more. */
  readonly taken: boolean;
  readonly revision: number;
};

/** Of what was said of a coin the newest counts. */
export async function noteTaken(tx: Transaction, { outpoint, txid, taken, revision }: TakenCoin): Promise<void> {
  await tx.query(
    `insert into taken_coin (outpoint, txid, taken, revision) values ($1, $2, $3, $4)
     on conflict (outpoint) do update set txid = excluded.txid, taken = excluded.taken, revision = excluded.revision
     where taken_coin.revision < excluded.revision`,
    [outpoint, txid, taken, revision],
  );
}
