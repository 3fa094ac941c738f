// All SQL about which coins the best chain has. The gateway's numbers put what it says into order, however it arrives.
import type { Transaction } from "@sluice/postgres";

/** False when something newer was heard about the coin. An unnumbered sighting counts only if nothing was heard before. */
export async function noteSighting(
  tx: Transaction,
  outpoint: string,
  present: boolean,
  revision: number,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into coin_sighting (outpoint, present, revision) values ($1, $2, $3)
     on conflict (outpoint) do update set present = excluded.present, revision = excluded.revision
     where coin_sighting.revision < excluded.revision`,
    [outpoint, present, revision],
  );
  return rowCount === 1;
}

/** A transaction that had spent coins left the best chain: they are its task's again, in their old places. */
export async function reserveAgain(tx: Transaction, taskId: string, transactionId: string): Promise<void> {
  await tx.query(
    `with back as (
       update coin set state = 'unspent', spent_by = null from (
         select outpoint as spent, coalesce(spent_position, row_number() over (order by outpoint) + 1000000) as place
         from coin where spent_by = $2
       ) as before
       where outpoint = spent returning outpoint, place
     )
     insert into reservation (outpoint, task_id, position) select outpoint, $1, place from back`,
    [taskId, transactionId],
  );
}
