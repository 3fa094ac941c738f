// One connection of its own, for what belongs to a connection: session locks and LISTEN.

import { named } from "./errors.ts";
import { connectBeside, type Pool, type Query, type Queryable, run } from "./pool.ts";

export type Session = Queryable & {
  /** Resolves, with the reason if there was one, when the connection is gone. Session locks are gone with it. */
  readonly ended: Promise<Error | undefined>;
  readonly onNotification: (listener: (channel: string, payload: string) => void) => void;
  readonly close: () => Promise<void>;
};

/** Opens a connection beside the pool. Its owner closes it. */
export async function openSession(pool: Pool): Promise<Session> {
  const client = await connectBeside(pool);
  let reason: Error | undefined;
  client.on("error", (error) => {
    reason ??= error;
  });
  const ended = new Promise<Error | undefined>((resolve) => {
    client.once("end", () => resolve(reason));
  });
  const query: Query = (sql, params) => run(client, sql, params);
  return {
    query,
    ended,
    onNotification: (listener) => {
      client.on("notification", ({ channel, payload }) => listener(channel, payload ?? ""));
    },
    close: async () => {
      try {
        await client.end();
      } catch (error) {
        reason ??= named(error) as Error;
      }
    },
  };
}

/**
 * Takes a named lock for as long as the session lives: true when it is now ours, false at once when another session has
 * it. Never waits: a waiting statement would hold back vacuum for as long as it waits.
 */
export async function tryLock(session: Session, name: string): Promise<boolean> {
  const { rows } = await session.query<{ taken: boolean }>(
    "select pg_try_advisory_lock(hashtextextended('lock:' || $1::text, 0)) as taken",
    [name],
  );
  return rows[0]?.taken === true;
}
