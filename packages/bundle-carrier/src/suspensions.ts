// Hands on to the semi-offline zone what people have stopped and let go on, exactly as online-risk sealed it.
import type { Bridge } from "@sluice/bridge";
import type { Pool } from "@sluice/postgres";
import { type Logger, type Rounds, startRounds } from "@sluice/runtime";
import { forgetHeard, listUnheard, markHeard, type Word } from "@sluice/wallet-memory";

const LOOK_EVERY_MS = 500;

/**
 * Each word until the zone has stored it, ahead of tasks; and all of them again on every new connection, because a zone whose
 * database was set back has lost some, and takes what it knows for known.
 */
export function carrySuspensions(parts: {
  readonly bridge: Pick<Bridge, "send" | "state" | "stats">;
  readonly pool: Pool;
  readonly logger: Logger;
}): Rounds {
  const { bridge, pool, logger } = parts;
  let connections = 0;
  const rounds = startRounds({ everyMs: LOOK_EVERY_MS, logger, round: handOn });
  return rounds;

  async function handOn(): Promise<void> {
    if (bridge.state !== "connected") return;
    const established = bridge.stats().connections;
    if (established !== connections) await forgetHeard(pool);
    connections = established;
    const words = await listUnheard(pool);
    for (const word of words) {
      await tell(word);
      await markHeard(pool, word);
    }
    if (words.length > 0) rounds.wake();
  }

  async function tell({ id, isStanding, envelope }: Word): Promise<void> {
    await bridge.send(envelope, { priority: "urgent" });
    logger.info({ suspensionId: id, isStanding }, "the semi-offline zone has heard what people said");
  }
}
