// The rule of unconfirmed change, in its one place. Change of our own may be spent before it is in a block, but what
// replaces its transaction would leave whatever spends it without an input, for ever. So: the change of a transaction that
// has been, or is being, replaced is not spendable while it is in no block; and a transaction whose unconfirmed change
// is reserved by a live task is not replaced. The tables hold both (vault, migrations 0005 and 0007), for whoever forgets to ask.
import type { Coin } from "@sluice/chains";
import type { UnconfirmedWithFee } from "@sluice/planning";
import type { Transaction } from "@sluice/postgres";

/** Of a coin in no block: a transaction of ours made it, was released, and is the only live version of its payout. */
export const MAY_CONFIRM = `exists (
  select from task maker where maker.id = coin.made_by and maker.state in ('signed', 'confirmed')
  and not exists (select from task other where other.payout_id = maker.payout_id and other.id <> maker.id
                  and other.state not in ('refused', 'superseded')))`;

export type NewChange = {
  readonly taskId: string;
  readonly walletId: string;
  /** Its previous transaction is the signed one that made it. */
  readonly coin: Coin;
};

/** A transaction of ours is released, so its change is a coin. When it was observed before, it is known already. */
export async function addChange(tx: Transaction, { taskId, walletId, coin }: NewChange): Promise<void> {
  await tx.query(
    `insert into coin (outpoint, wallet_id, amount_sat, branch, path_index, previous_transaction, made_by)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (outpoint) do update set made_by = excluded.made_by`,
    [
      ...[`${coin.txid}:${coin.vout}`, walletId, coin.amountSat, coin.branch, coin.index, coin.previousTransaction],
      taskId,
    ],
  );
}

/**
 * Asked before a transaction is replaced, in the database transaction that stores the replacement. True: change of
 * a version of this payout is reserved already, so that none may be replaced; a child that pays for both (CPFP) can
 * still help. False: nobody builds on it, and once a replacement is stored nobody can.
 */
export async function isBuiltUpon(tx: Transaction, payoutId: string): Promise<boolean> {
  const { rows } = await tx.query<{ used: boolean }>("select payout_is_built_upon($1) as used", [payoutId]);
  return rows[0]?.used !== false;
}

/** Every live transaction of a wallet that is in no block and hangs together with another, or may. */
export async function unconfirmedTransactions(
  tx: Transaction,
  walletId: string,
): Promise<readonly UnconfirmedWithFee[]> {
  const { rows } = await tx.query<UnconfirmedWithFee>(
    `select task.transaction_id as "transactionId", vbytes, fee_sat as "feeSat",
            array(select distinct split_part(outpoint, ':', 1) from task_input input join coin using (outpoint)
                  where input.task_id = task.id and height is null) as parents
     from task
     where wallet_id = $1 and state not in ('refused', 'confirmed', 'superseded')
       and (exists (select from coin where made_by = task.id and height is null)
            or exists (select from task_input input join coin using (outpoint)
                       where input.task_id = task.id and height is null))`,
    [walletId],
  );
  return rows;
}
