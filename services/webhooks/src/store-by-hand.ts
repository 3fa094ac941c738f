// What a person has done: an endpoint enabled or disabled, deliveries sent again.
import { type Pool, transaction } from "@sluice/postgres";
import type { Because } from "./patience.ts";
import { CHANNEL, saveHealth, tryAllNow } from "./store.ts";

/** By a person. False when there is no such endpoint. */
export async function switchEndpoint(pool: Pool, endpoint: string, to: "enabled" | "disabled"): Promise<boolean> {
  const done = await transaction(pool, async (tx) => {
    const { rowCount } = await tx.query("select from endpoint where name = $1 for no key update", [endpoint]);
    if (rowCount === 0) return false;
    const because: Because = "BY_PERSON";
    const off = { state: "disabled", because, probeAtMs: Number.POSITIVE_INFINITY } as const;
    const on = { state: "healthy", because: null, probeAtMs: Date.now() } as const;
    await saveHealth(tx, endpoint, { failures: 0, failingSinceMs: null, ...(to === "enabled" ? on : off) }, false);
    if (to === "enabled") await tryAllNow(tx, endpoint);
    return true;
  });
  return done;
}

export type ResendWhat =
  | { readonly id: string }
  /** Both included, of the newest series unless another is named. */
  | { readonly from: bigint; readonly to: bigint; readonly series?: Date | undefined };

/**
 * Has deliveries sent again, delivered ones too, under the same webhook-id. What is on its way at this moment is not sent
 * once more. Resolves to how many; null when there is no such endpoint.
 */
export async function resendDeliveries(pool: Pool, endpoint: string, what: ResendWhat): Promise<number | null> {
  const done = await transaction(pool, async (tx) => {
    const found = await tx.query<{ series: Date }>("select series from endpoint where name = $1 for no key update", [
      endpoint,
    ]);
    const [row] = found.rows;
    if (row === undefined) return null;
    const again = `update delivery set state = 'waiting', try_at = now(), tries = 0, first_try_at = null
      where endpoint = $1 and (claimed_until is null or claimed_until <= now())`;
    const { rowCount } =
      "id" in what
        ? await tx.query(`${again} and webhook_id = $2`, [endpoint, what.id])
        : await tx.query(`${again} and series = $2 and sequence between $3 and $4`, [
            ...[endpoint, what.series ?? row.series, what.from, what.to],
          ]);
    await tx.query("select pg_notify($1, '')", [CHANNEL]);
    return rowCount;
  });
  return done;
}
