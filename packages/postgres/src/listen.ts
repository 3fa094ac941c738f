// LISTEN on a connection of its own that comes back after every break.

import pg from "pg";
import type { Pool } from "./pool.ts";
import { openSession, type Session } from "./session.ts";

/** A notification is a hint. After "reconnected" some may have been missed, so the listener looks for itself. */
export type ListenEvent = { readonly kind: "notified"; readonly payload: string } | { readonly kind: "reconnected" };

export type Listener = { readonly close: () => Promise<void> };

/**
 * Resolves once the first LISTEN stands; rejects when that one fails. After that it reconnects by itself, after
 * 100 ms and then ever more slowly up to 5 s, until closed.
 */
export async function listen(pool: Pool, channel: string, onEvent: (event: ListenEvent) => void): Promise<Listener> {
  const stop = new AbortController();
  let session = await openListening(pool, channel, onEvent);
  const loop = keepListening();
  return {
    close: async () => {
      stop.abort();
      await session.close();
      await loop;
    },
  };

  async function keepListening(): Promise<void> {
    for (;;) {
      await session.ended;
      for (let delayMs = 100; !stop.signal.aborted; delayMs = Math.min(delayMs * 2, 5_000)) {
        await pause(delayMs, stop.signal);
        const next = await openListening(pool, channel, onEvent).catch(() => undefined);
        if (next === undefined) continue;
        session = next;
        break;
      }
      if (stop.signal.aborted) return session.close();
      onEvent({ kind: "reconnected" });
    }
  }
}

async function openListening(pool: Pool, channel: string, onEvent: (event: ListenEvent) => void): Promise<Session> {
  const session = await openSession(pool);
  session.onNotification((_, payload) => onEvent({ kind: "notified", payload }));
  try {
    await session.query(`listen ${pg.escapeIdentifier(channel)}`);
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
