// LISTEN on a connection of its own that comes back after every break.

import pg from "pg";
import { type KeptSession, keepSession } from "./kept-session.ts";
import type { Pool } from "./pool.ts";

/** A notification is a hint. After "reconnected" some may have been missed, so the listener looks for itself. */
export type ListenEvent = { readonly kind: "notified"; readonly payload: string } | { readonly kind: "reconnected" };

export type Listener = KeptSession;

/** Resolves once the first LISTEN stands; rejects when that one fails. After that it comes back by itself until closed. */
export function listen(pool: Pool, channel: string, onEvent: (event: ListenEvent) => void): Promise<Listener> {
  return keepSession(
    pool,
    async (session) => {
      session.onNotification((_, payload) => onEvent({ kind: "notified", payload }));
      await session.query(`listen ${pg.escapeIdentifier(channel)}`);
    },
    () => onEvent({ kind: "reconnected" }),
  );
}
