// All SQL about which coins the best chain has. The gateway's numbers put what it says into order, however it arrives.
import type { Transaction } from "@sluice/postgres";

/**
 * Whether the best chain has the coin unspent. False when something newer was heard about it. An unnumbered word counts only if
 * nothing numbered was heard.
 */
export async function noteStanding(
  tx: Transaction,
  outpoint: string,
  present: boolean,
  revision: number,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into coin_sighting (outpoint, present, revision) values ($1, $2, $3)
     on conflict (outpoint) do update set present = excluded.present, revision = excluded.revision
     where coin_sighting.revision < excluded.revision or greatest(coin_sighting.revision, excluded.revision) = 0`,
    [outpoint, present, revision],
  );
  return rowCount === 1;
}

/** The same of a coin whose block comes or goes. */
export async function noteSighting(
  tx: Transaction,
  outpoint: string,
  present: boolean,
  revision: number,
): Promise<boolean> {
  if (!(await noteStanding(tx, outpoint, present, revision))) return false;
  // Change of our own is what it was before its block: its transaction is not replaced while a live task builds on it.
  if (!present) await tx.query("update coin set height = null where outpoint = $1 and made_by is not null", [outpoint]);
  return true;
}
