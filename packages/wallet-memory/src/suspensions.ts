// What people have stopped, as online-risk tells it: functions of the database keep it from being planned and sent.
import type { OpenedOf } from "@sluice/contracts";
import type { Queryable, Transaction } from "@sluice/postgres";

/** In any order, and more than once: a suspension that was reopened stays so. What is new is handed on. */
export async function noteSuspension(
  tx: Transaction,
  {
    envelope,
    message: { suspensionId, kind, values, isStanding },
  }: Pick<OpenedOf<"suspension.changed.v1">, "envelope" | "message">,
): Promise<void> {
  await tx.query(
    `insert into suspension as s (id, kind, said_values, is_standing, envelope) values ($1, $2, $3, $4, $5)
     on conflict (id) do update set is_standing = false, envelope = excluded.envelope, handed_on = false
     where s.is_standing and not excluded.is_standing`,
    [suspensionId, kind, [...values], isStanding, envelope],
  );
}

export type Word = { readonly id: string; readonly isStanding: boolean; readonly envelope: Uint8Array };

/** What the semi-offline zone has not taken yet: what stops something goes first. What is too long to be urgent would hold up the rest. */
export async function listUnheard(database: Queryable): Promise<readonly Word[]> {
  const { rows } = await database.query<Word>(
    `select id, is_standing as "isStanding", envelope from suspension where not handed_on and octet_length(envelope) <= 262144
     order by is_standing desc, id limit 100`,
  );
  return rows;
}

/** The zone has this word about it; another one may have come meanwhile. */
export async function markHeard(database: Queryable, { id, isStanding }: Word): Promise<void> {
  await database.query("update suspension set handed_on = true where id = $1 and is_standing = $2", [id, isStanding]);
}

/** Nobody knows what the other side has: it hears all of it again. */
export async function forgetHeard(database: Queryable): Promise<void> {
  await database.query("update suspension set handed_on = false where handed_on");
}
