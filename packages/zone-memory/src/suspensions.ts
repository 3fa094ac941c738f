// What people have suspended, as online-risk sealed it: known from the moment at which it is noted here, until its reopening is.
import type { OpenedOf } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";
import type { Suspension, subjectsOf } from "@sluice/second-opinion";

/**
 * Whoever lets a signing begin holds this until its transaction ends, and whoever notes a suspension waits for them: what it
 * finds not begun does not begin after it. Taken before any row is locked, so that nobody waits in a ring.
 */
export async function holdOff(tx: Transaction, as: "beginning" | "suspending"): Promise<void> {
  const shared = as === "beginning" ? "_shared" : "";
  await tx.query(`select pg_advisory_xact_lock${shared}(hashtextextended('suspensions', 0))`);
}

/**
 * In any order, and more than once: a suspension that was reopened stays so, and whoever suspends again makes another one. True
 * when it said something new.
 */
export async function noteSuspension(
  tx: Transaction,
  { envelope, message: { isStanding } }: OpenedOf<"suspension.changed.v1">,
  { id, kind, values, reason }: Suspension,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into suspension as s (id, kind, compared_values, reason, is_standing, envelope) values ($1, $2, $3, $4, $5, $6)
     on conflict (id) do update set is_standing = false, envelope = excluded.envelope
     where s.is_standing and not excluded.is_standing`,
    [id, kind, [...values], reason, isStanding, envelope],
  );
  return rowCount === 1;
}

/** Whether anything is suspended at all, so that nobody has to read a task for it. */
export async function isAnythingSuspended(tx: Transaction): Promise<boolean> {
  return (await tx.query("select from suspension where is_standing limit 1")).rowCount === 1;
}

/** Those that stand against something in a task. The caller holds off whoever suspends. */
export async function findSuspensions(
  tx: Transaction,
  { walletIds, accounts, scripts, assets }: ReturnType<typeof subjectsOf>,
): Promise<readonly Suspension[]> {
  const { rows } = await tx.query<Suspension>(
    `select id, kind, compared_values as values, reason from suspension
     where is_standing and (kind = 'all' or (kind = 'wallet' and compared_values && $1)
       or (kind = 'account' and compared_values && $2) or (kind = 'destination' and compared_values && $3)
       or (kind = 'asset' and compared_values && $4))
     order by noted_at, id`,
    [walletIds, accounts, scripts, assets],
  );
  return rows;
}
