// Messages written in the same transaction as the state that they announce, and driven to their topic afterwards.

import { ENVELOPE_MAX_BYTES, type MessageType } from "@sluice/contracts";
import type { Pool, Queryable, Transaction } from "@sluice/postgres";

export const OUTBOX_CHANNEL = "outbox";

export type OutgoingRow = {
  readonly topic: MessageType;
  /** Messages with the same key arrive in the order in which they were appended. */
  readonly key: string;
  /** The message's own id, for people who look at the table. */
  readonly id: string;
  readonly envelope: Uint8Array;
};

/**
 * Appends one sealed message; the relay is told when the transaction commits. Two transactions that append under the same key keep
 * their order only if the first holds a lock that the second waits for, as a change of the same row does.
 */
export async function appendOutbox(tx: Transaction, row: OutgoingRow): Promise<void> {
  // Larger could never be published, and would stop everything behind it in its topic.
  if (row.envelope.length > ENVELOPE_MAX_BYTES) throw new RangeError(`The envelope of ${row.id} is too large to send.`);
  await tx.query(
    `with appended as (
       insert into outbox (topic, key, message_id, envelope) values ($1, $2, $3, $4) returning id
     )
     select pg_notify('${OUTBOX_CHANNEL}', '') from appended`,
    [row.topic, row.key, row.id, row.envelope],
  );
}

/**
 * Drives what was appended to a topic since a time once more, in its order, for a topic that lost messages. What was
 * handled already is skipped by the consumers' inboxes. First let consumers read from the topic's start again
 * (rewindGroup), for a group that remembers an offset of the lost topic would skip as many. Resolves to the number of rows.
 */
export async function redrive(pool: Pool, topic: MessageType, since: Date): Promise<number> {
  const { rowCount } = await pool.query(
    "update outbox set published_at = null where topic = $1 and created_at >= $2 and published_at is not null",
    [topic, since],
  );
  await pool.query("select pg_notify($1, '')", [OUTBOX_CHANNEL]);
  return rowCount;
}

/** Removes what was published before a time. How long rows stay is how far back a lost topic can be driven again. */
export async function pruneOutbox(pool: Pool, publishedBefore: Date): Promise<number> {
  return (await pool.query("delete from outbox where published_at < $1", [publishedBefore])).rowCount;
}

export type OutboxBacklog = { readonly rows: bigint; readonly oldestAt: Date | null };

/** How many messages wait for the relay, and since when: for metrics and readiness. */
export async function outboxBacklog(database: Queryable): Promise<OutboxBacklog> {
  const { rows } = await database.query<{ rows: bigint; oldest_at: Date | null }>(
    "select count(*) as rows, min(created_at) as oldest_at from outbox where published_at is null",
  );
  return { rows: rows[0]?.rows ?? 0n, oldestAt: rows[0]?.oldest_at ?? null };
}

/** A row as the relay takes it from the table. */
export type UnpublishedRow = {
  readonly id: bigint;
  readonly topic: MessageType;
  readonly key: string;
  readonly envelope: Buffer;
};

const MAX_ROWS = 500;
// Half of what a topic takes by Kafka's own default, so that one batch in one partition always fits; a single row may be larger.
const MAX_BYTES = 512 * 1024;

/** The oldest unpublished rows of some topics, in order, as many as go into one batch. */
export async function unpublished(
  database: Queryable,
  topics: readonly MessageType[],
): Promise<readonly UnpublishedRow[]> {
  const { rows } = await database.query<UnpublishedRow>(
    `with oldest as (
       select id, octet_length(envelope) as size from outbox
       where published_at is null and topic = any($1) order by id limit ${MAX_ROWS}
     ), measured as (
       select id, size, sum(size) over (order by id) as total from oldest
     )
     select id, topic, key, envelope from outbox join measured using (id)
     where total <= ${MAX_BYTES} or total = size order by id`,
    [topics],
  );
  return rows;
}

export async function markPublished(database: Queryable, ids: readonly bigint[]): Promise<void> {
  await database.query("update outbox set published_at = now() where id = any($1)", [ids]);
}
