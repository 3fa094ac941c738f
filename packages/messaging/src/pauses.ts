// Partitions that wait before their messages are tried again, each longer the more often it failed.

import { backoffMs } from "@sluice/core";

export type Pauses = {
  /** Resumes after a wait that grows with each failure in a row. */
  readonly pause: (partition: string, resume: () => void) => { readonly attempt: number; readonly delayMs: number };
  readonly succeeded: (partition: string) => void;
  /** Nothing is resumed any more. */
  readonly end: () => void;
};

const BACKOFF = { firstMs: 100, longestMs: 2_000 };

export function createPauses(): Pauses {
  const attempts = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  return {
    pause: (partition, resume) => {
      const attempt = (attempts.get(partition) ?? 0) + 1;
      attempts.set(partition, attempt);
      const delayMs = backoffMs(attempt, BACKOFF, Math.random());
      const timer = setTimeout(() => {
        timers.delete(timer);
        resume();
      }, delayMs);
      timers.add(timer);
      return { attempt, delayMs };
    },
    succeeded: (partition) => {
      attempts.delete(partition);
    },
    end: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
