// Readers that not every deployment has: only where they are is their receipt waited for.
import { OPTIONAL_READERS, type Producer } from "@sluice/contracts";
import { type Pool, transaction } from "@sluice/postgres";

/**
 * SQL: of the readers in this parameter, those that are waited for. `awaited` decides it when a message is appended, so
 * that nothing waits for somebody who will never come.
 */
export function awaited(parameter: string): string {
  const optional = OPTIONAL_READERS.map((name) => `'${name}'`).join(", ");
  return `array(select reader from unnest(${parameter}::text[]) as reader where reader not in (${optional})
    or exists (select from optional_reader where consumer = reader))`;
}

/** At a start, from the trust file: who came is waited for from now on, who left not even for what was appended before. */
export async function setOptionalReaders(pool: Pool, present: readonly Producer[]): Promise<void> {
  const { rows } = await pool.query<{ consumer: string }>("select consumer from optional_reader order by consumer");
  const known = rows.map(({ consumer }) => consumer);
  if (known.join() === present.toSorted().join()) return;
  await transaction(pool, async (tx) => {
    await tx.query("delete from optional_reader where consumer <> all($1)", [present]);
    await tx.query("insert into optional_reader (consumer) select unnest($1::text[]) on conflict do nothing", [
      present,
    ]);
    for (const gone of known.filter((name) => !present.some((each) => each === name))) {
      await tx.query(
        "update outbox set awaits = array_remove(awaits, $1) where awaits <> '{}' and awaits @> array[$1]",
        [gone],
      );
    }
  });
}
