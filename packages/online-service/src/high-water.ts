// Is this database as far as it ever was? One that was restored from a backup does not know what it has lost, so nothing
// is decided on it before a person has said so and what others know has come back.
import type { Producer, Sealer, Trust } from "@sluice/contracts";
import { type Bus, highestMark, openMarks } from "@sluice/messaging";
import { type Pool, transaction } from "@sluice/postgres";
import type { Lifecycle } from "@sluice/runtime";

export type Standing =
  | { readonly kind: "current" }
  /** It was further once: `highest` was published, `mark` is in it, and it was written last at `sinceMs`. */
  | { readonly kind: "set-back"; readonly mark: bigint; readonly highest: bigint; readonly sinceMs: number }
  /** A person has said to go on, and what was lost since `sinceMs` is to be brought back. */
  | { readonly kind: "recovering"; readonly sinceMs: number };

type Around = {
  readonly markEveryMs: number;
  readonly pool: Pool;
  readonly bus: Bus;
  readonly trust: Trust;
  readonly name: Producer;
};

/** A copy that was marked just now is believed without looking: a backup is older, and a restart is quick. */
export async function judgeStanding({ pool, bus, trust, name, markEveryMs }: Around): Promise<Standing> {
  const { mark, markedAtMs, ageMs, recoveringTo } = await readHighWater(pool);
  if (recoveringTo !== null) return { kind: "recovering", sinceMs: markedAtMs };
  if (mark > 0n && ageMs < 3 * markEveryMs) return { kind: "current" };
  const highest = await highestMark(bus, trust, name);
  // Another instance may have set a mark and published it meanwhile. Each is in the database before it is published, so
  // only what the database says from now on can be held against it.
  const now = await readHighWater(pool);
  if (highest <= now.mark) return { kind: "current" };
  return { kind: "set-back", mark: now.mark, highest, sinceMs: now.markedAtMs };
}

/** From here on a restart goes on with the recovery by itself. */
export async function beginRecovery(pool: Pool, highest: bigint): Promise<void> {
  await pool.query("update high_water set recovering_to = $1", [highest]);
}

/** Everything that can be known is back: marks go on above all that were ever published. */
export async function endRecovery(pool: Pool): Promise<void> {
  await pool.query(
    `update high_water set mark = greatest(mark, recovering_to) + 1, marked_at = now(), recovering_to = null
     where recovering_to is not null`,
  );
}

/** Marks the database every few seconds, and publishes the mark. One that was put back under a living process ends it. */
export function keepMarking(around: Around & { readonly sealer: Sealer; readonly life: Lifecycle }): void {
  const { pool, bus, sealer, life, markEveryMs } = around;
  const marks = openMarks(bus, sealer);
  let last = 0n;
  let marking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    marking = marking
      .then(mark)
      .catch((error: unknown) => life.logger.warn({ err: error }, "no mark could be set now"));
  }, markEveryMs);
  life.onStop("marks", async () => {
    clearInterval(timer);
    await marking;
    await marks.close();
  });

  async function mark(): Promise<void> {
    const next = await transaction(pool, async (tx) => {
      const { rows } = await tx.query<{ mark: bigint }>(
        "update high_water set mark = mark + 1, marked_at = now() where recovering_to is null returning mark",
      );
      return rows[0]?.mark ?? null;
    });
    if (next === null) return;
    if (next <= last) {
      life.logger.fatal({ mark: String(next), before: String(last) }, "ALARM: DATABASE_SET_BACK under this process");
      // The mark just set has to be undone, or the restart would take this copy for a fresh one.
      await pool.query("update high_water set marked_at = 'epoch'");
      process.exit(1);
    }
    last = next;
    await marks.publish(next, Date.now());
  }
}

async function readHighWater(pool: Pool) {
  const { rows } = await pool.query<{
    mark: bigint;
    markedAtMs: number;
    ageMs: number;
    recoveringTo: bigint | null;
  }>(
    `select mark, (extract(epoch from marked_at) * 1000)::float8 as "markedAtMs",
            (extract(epoch from now() - marked_at) * 1000)::float8 as "ageMs", recovering_to as "recoveringTo"
     from high_water`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the row of high_water is gone");
  return row;
}
