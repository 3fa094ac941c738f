// Runs one round after the other, never two at once, sooner when woken; a round that fails is told and tried again.
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "./logger.ts";

export type Rounds = {
  readonly wake: () => void;
  /** Of the last round. */
  readonly health: () => { readonly ok: boolean; readonly detail: string };
  /** Waits for the round in hand. */
  readonly stop: () => Promise<void>;
};

export function startRounds(options: {
  readonly everyMs: number;
  readonly logger: Logger;
  readonly round: () => Promise<void>;
}): Rounds {
  let stopping = false;
  let asleep = new AbortController();
  let woken = false;
  let health = { ok: false, detail: "no round has ended yet" };
  const loop = (async () => {
    while (!stopping) {
      woken = false;
      try {
        await options.round();
        health = { ok: true, detail: "the last round went through" };
      } catch (error) {
        health = { ok: false, detail: error instanceof Error ? error.message : String(error) };
        if (!stopping) options.logger.warn({ err: error }, "a round failed; the next one tries again");
      }
      if (stopping || woken) continue;
      asleep = new AbortController();
      await delay(options.everyMs, undefined, { signal: asleep.signal }).catch(() => undefined);
    }
  })();
  return {
    wake: () => {
      woken = true;
      asleep.abort();
    },
    health: () => health,
    stop: async () => {
      stopping = true;
      asleep.abort();
      await loop;
    },
  };
}
