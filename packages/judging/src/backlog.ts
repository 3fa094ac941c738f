// Whether too much waits for its first judgement to take any more: what is accepted then would only wait.
import type { Logger } from "@sluice/messaging";
import type { Pool } from "@sluice/postgres";
import { countReceived } from "@sluice/risk-memory";

export type Backlog = {
  /** As it was when it was looked at last, half a second ago at most while the database answers. */
  readonly isFull: () => boolean;
  readonly look: () => Promise<void>;
  readonly stop: () => void;
};

const LOOK_EVERY_MS = 500;

export function watchBacklog({
  pool,
  logger,
  most,
}: {
  readonly pool: Pool;
  readonly logger: Logger;
  /** So many may wait. */
  readonly most: number;
}): Backlog {
  let isFull = false;
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((err: unknown) => logger.warn({ err }, "how much waits to be judged cannot be read now"))
      .finally(() => {
        looking = false;
      });
  }, LOOK_EVERY_MS);
  return { isFull: () => isFull, look, stop: () => clearInterval(timer) };

  async function look(): Promise<void> {
    const wasFull = isFull;
    isFull = (await countReceived(pool, most)) >= most;
    if (isFull && !wasFull) logger.warn({ most }, "too many withdrawals wait to be judged: no more are taken for now");
    if (!isFull && wasFull) logger.info({ most }, "withdrawals are taken again");
  }
}
