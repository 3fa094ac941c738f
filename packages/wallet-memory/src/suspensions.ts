// What people have stopped, as online-risk tells it: functions of the database keep it from being planned and sent.
import type { MessageOf } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";

/** In any order, and more than once: a suspension that was reopened stays so. */
export async function noteSuspension(
  tx: Transaction,
  { suspensionId, kind, values, isStanding }: MessageOf<"suspension.changed.v1">,
): Promise<void> {
  await tx.query(
    `insert into suspension as s (id, kind, said_values, is_standing) values ($1, $2, $3, $4)
     on conflict (id) do update set is_standing = s.is_standing and excluded.is_standing`,
    [suspensionId, kind, [...values], isStanding],
  );
}
