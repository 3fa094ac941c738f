// Who holds the name is alive: a lock that the server frees with the connection, also when the process was killed.

import { type KeptSession, keepSession } from "./kept-session.ts";
import type { Pool } from "./pool.ts";
import { tryLock } from "./session.ts";

/**
 * Holds the name for as long as this process lives and reaches the database, and takes it again after every break. While
 * the server is away or was just started nobody seems alive: whoever asks has to be harmless to those who are.
 */
export function giveLifeSign(pool: Pool, name: string): Promise<KeptSession> {
  return keepSession(pool, async (session) => {
    // The connection before may not be over for the server yet. It counts for us until then, and is replaced after it.
    if (!(await tryLock(session, lockOf(name)))) throw new Error(`somebody still gives the life sign of ${name}`);
  });
}

/** False when no living process that reaches the database holds the name. */
export async function isAlive(pool: Pool, name: string): Promise<boolean> {
  const { rows } = await pool.query<{ free: boolean }>(
    // Taken for this statement alone.
    "select pg_try_advisory_xact_lock(hashtextextended('lock:' || $1::text, 0)) as free",
    [lockOf(name)],
  );
  return rows[0]?.free !== true;
}

function lockOf(name: string): string {
  return `alive:${name}`;
}
