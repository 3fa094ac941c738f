// The way back: sealed reports are sent in their order until vault has them.
import type { Bridge } from "@sluice/bridge";
import { type Pool, transaction } from "@sluice/postgres";

/** One round: everything that vault does not have yet, in its order. Waits while the bridge is down. */
export async function sendReports(pool: Pool, bridge: Bridge): Promise<void> {
  const { rows } = await pool.query<{ number: bigint; envelope: Buffer }>(
    "select number, envelope from report where accepted_at is null order by number limit 100",
  );
  for (const { number, envelope } of rows) {
    await bridge.send(envelope);
    await transaction(pool, async (tx) => {
      await tx.query("update report set accepted_at = now() where number = $1", [number]);
    });
  }
}
