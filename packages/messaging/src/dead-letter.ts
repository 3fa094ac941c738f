// Messages that could not take effect: kept with the reason, looked at by people, retried or discarded by hand.

import { createHash } from "node:crypto";
import { isMessageType, type MessageType, open, type Trust } from "@sluice/contracts";
import { type Pool, type Queryable, savepoint, type Transaction, transaction } from "@sluice/postgres";
import { judge } from "./failure.ts";
import { type Handlers, handlerOf } from "./handlers.ts";
import { handleOnce } from "./inbox.ts";

/** A message as it came from a partition. */
export type Delivered = {
  readonly topic: MessageType;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Uint8Array | null;
  readonly envelope: Uint8Array;
};

/** Keeps a message in the transaction in which it failed. The same bytes again only count as another attempt. */
export async function park(
  tx: Transaction,
  group: string,
  delivered: Delivered,
  code: string,
  reason: string,
): Promise<void> {
  await tx.query(
    `insert into dead_letter
       (consumer_group, topic, partition, message_offset, key, envelope, envelope_sha256, code, reason)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (topic, envelope_sha256) do update
       set attempts = dead_letter.attempts + 1, attempted_at = now(), code = excluded.code, reason = excluded.reason`,
    [
      group,
      delivered.topic,
      delivered.partition,
      delivered.offset,
      delivered.key === null ? null : storable(Buffer.from(delivered.key).toString("utf8")),
      delivered.envelope,
      createHash("sha256").update(delivered.envelope).digest(),
      code,
      storable(reason),
    ],
  );
}

export type DeadLetter = {
  readonly id: bigint;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly envelope: Uint8Array;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly parkedAt: Date;
  readonly attemptedAt: Date;
  readonly resolvedAt: Date | null;
  readonly resolution: "handled" | "duplicate" | "discarded" | null;
};

/** The dead letters that wait for a person, oldest first; with `resolved` those that no longer do, newest first. */
export async function listDeadLetters(
  database: Queryable,
  { resolved = false, limit = 100 }: { readonly resolved?: boolean; readonly limit?: number } = {},
): Promise<readonly DeadLetter[]> {
  const { rows } = await database.query<DeadLetter>(
    `select id, consumer_group as "group", topic, partition, message_offset as "offset", key, envelope, code, reason,
            attempts, parked_at as "parkedAt", attempted_at as "attemptedAt", resolved_at as "resolvedAt", resolution
     from dead_letter where (resolved_at is not null) = $1
     order by resolved_at desc nulls last, id limit $2`,
    [resolved, limit],
  );
  return rows;
}

export type Retried =
  | { readonly ok: true; readonly resolution: "handled" | "duplicate" }
  | { readonly ok: false; readonly code: string; readonly reason: string };

/**
 * Opens and handles a dead letter once more, in one transaction that also records how it went. A failure is a value, with
 * the code DEAD_LETTER_UNKNOWN or DEAD_LETTER_RESOLVED when there is nothing to retry; a failure that would pass by itself, as a broken connection, is thrown
 * and leaves the dead letter as it was.
 */
export async function retryDeadLetter(
  pool: Pool,
  id: bigint,
  { trust, handlers }: { readonly trust: Trust; readonly handlers: Handlers },
): Promise<Retried> {
  try {
    return await transaction(pool, (tx) => retryWithin(tx, id, trust, handlers));
  } catch (error) {
    // The commit refused what the handler had done.
    const failure = judge(error);
    if (failure.action !== "park") throw error;
    return transaction(pool, (tx) => recordFailure(tx, id, failure.code, failure.reason));
  }
}

/** Closes a dead letter that nobody will ever be able to handle. False when there is none that is open under this id. */
export async function discardDeadLetter(database: Queryable, id: bigint): Promise<boolean> {
  const { rowCount } = await database.query(
    "update dead_letter set resolved_at = now(), resolution = 'discarded' where id = $1 and resolved_at is null",
    [id],
  );
  return rowCount === 1;
}

async function retryWithin(tx: Transaction, id: bigint, trust: Trust, handlers: Handlers): Promise<Retried> {
  const { rows } = await tx.query<{ topic: string; envelope: Buffer; resolved_at: Date | null }>(
    "select topic, envelope, resolved_at from dead_letter where id = $1 for update",
    [id],
  );
  const [row] = rows;
  if (row === undefined) return { ok: false, code: "DEAD_LETTER_UNKNOWN", reason: `There is no dead letter ${id}.` };
  if (row.resolved_at !== null) {
    return { ok: false, code: "DEAD_LETTER_RESOLVED", reason: `Dead letter ${id} is resolved already.` };
  }
  const handler = isMessageType(row.topic) ? handlerOf(handlers, row.topic) : undefined;
  if (!isMessageType(row.topic) || handler === undefined) {
    return recordFailure(tx, id, "HANDLER_MISSING", `Nothing here handles ${row.topic}.`);
  }
  const opened = open(trust, row.envelope, [row.topic]);
  if (!opened.ok) return recordFailure(tx, id, opened.refusal.code, opened.refusal.detail);
  try {
    const resolution = await savepoint(tx, (inner) => handleOnce(inner, opened.value, handler));
    await tx.query(
      `update dead_letter set resolved_at = now(), resolution = $2, attempts = attempts + 1, attempted_at = now()
       where id = $1`,
      [id, resolution],
    );
    return { ok: true, resolution };
  } catch (error) {
    const failure = judge(error);
    if (failure.action !== "park") throw error;
    return recordFailure(tx, id, failure.code, failure.reason);
  }
}

async function recordFailure(tx: Transaction, id: bigint, code: string, reason: string): Promise<Retried> {
  await tx.query(
    "update dead_letter set code = $2, reason = $3, attempts = attempts + 1, attempted_at = now() where id = $1",
    [id, code, storable(reason)],
  );
  return { ok: false, code, reason };
}

// Postgres refuses a zero character in a text, and a message that cannot even be parked would block its partition.
function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD").slice(0, 2_000).toWellFormed();
}
