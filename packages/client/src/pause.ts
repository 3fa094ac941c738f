// Waiting that a signal ends at once, with the signal's own reason.
import { setTimeout as sleep } from "node:timers/promises";

export async function pause(forMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(forMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
