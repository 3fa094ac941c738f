// A service that is started a little before what it stands on waits for that, rather than ending and being started anew.
import { setTimeout as delay } from "node:timers/promises";
import { isAway } from "@sluice/messaging";
import { isRetriable } from "@sluice/postgres";
import type { Lifecycle } from "@sluice/runtime";
import type { OnlineSettings } from "./settings.ts";

const ASK_AGAIN_MS = 250;

/** Tries until it works, the process stops, it fails for another reason than that somebody is away, or patience ends. */
export async function waitFor<T>(
  { logger, stopping }: Lifecycle,
  { SLUICE_WAIT_AT_START_MS: patienceMs }: Pick<OnlineSettings, "SLUICE_WAIT_AT_START_MS">,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const startedAtMs = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const impatient = performance.now() - startedAtMs > patienceMs;
      if (stopping.aborted || impatient || !(isRetriable(error) || isAway(error))) throw error;
      if (tries === 1) logger.warn({ err: error }, `${what} is not there yet; it is waited for`);
    }
    await delay(ASK_AGAIN_MS, undefined, { signal: stopping });
  }
}
