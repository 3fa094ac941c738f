// A connection of its own that comes back after every break and is prepared anew each time.

import type { Pool } from "./pool.ts";
import { openSession, type Session } from "./session.ts";

export type KeptSession = { readonly close: () => Promise<void> };

const SHORTEST_PAUSE_MS = 100;
/** Longer would only keep somebody waiting: a server that is down refuses at once. */
const LONGEST_PAUSE_MS = 1_000;

/**
 * Resolves once the first connection is open and prepared; rejects when that one fails. After that it reconnects by
 * itself, after 100 ms and then ever more slowly up to 1 s, until closed.
 */
export async function keepSession(
  pool: Pool,
  prepare: (session: Session) => Promise<void>,
  onReopened: () => void = () => undefined,
): Promise<KeptSession> {
  const stop = new AbortController();
  let session = await openPrepared(pool, prepare);
  const loop = keepOpen();
  return {
    close: async () => {
      stop.abort();
      await session.close();
      await loop;
    },
  };

  async function keepOpen(): Promise<void> {
    for (;;) {
      await session.ended;
      for (let delayMs = SHORTEST_PAUSE_MS; !stop.signal.aborted; delayMs = Math.min(delayMs * 2, LONGEST_PAUSE_MS)) {
        await pause(delayMs, stop.signal);
        const next = await openPrepared(pool, prepare).catch(() => undefined);
        if (next === undefined) continue;
        session = next;
        break;
      }
      if (stop.signal.aborted) return session.close();
      onReopened();
    }
  }
}

async function openPrepared(pool: Pool, prepare: (session: Session) => Promise<void>): Promise<Session> {
  const session = await openSession(pool);
  try {
    await prepare(session);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
