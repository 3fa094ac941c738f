// Messages written in the same transaction as the state that they announce, and driven to their topic afterwards.

import {
  confirmersOf,
  ENVELOPE_MAX_BYTES,
  type MessageType,
  OPTIONAL_READERS,
  type Producer,
  TOPICS,
} from "@sluice/contracts";
import type { Pool, Queryable, Transaction } from "@sluice/postgres";
import { awaited } from "./optional-readers.ts";

export const OUTBOX_CHANNEL = "outbox";

export type OutgoingRow = {
  readonly topic: MessageType;
  /** Messages with the same key arrive in the order in which they were appended. */
  readonly key: string;
  /** The message's own id, for people who look at the table. */
  readonly id: string;
  readonly envelope: Uint8Array;
};

/** Appends one sealed message; see appendAllToOutbox. */
export async function appendOutbox(tx: Transaction, row: OutgoingRow): Promise<void> {
  await appendAllToOutbox(tx, [row]);
}

/**
 * Appends sealed messages, in their order within each topic; the relay is told when the transaction commits. Two transactions
 * that append under the same key keep their order only if the first holds a lock that the second waits for, as a change of
 * the same row does.
 */
export async function appendAllToOutbox(tx: Transaction, rows: readonly OutgoingRow[]): Promise<void> {
  // Larger could never be published, and would stop everything behind it in its topic.
  const large = rows.find(({ envelope }) => envelope.length > ENVELOPE_MAX_BYTES);
  if (large !== undefined) throw new RangeError(`The envelope of ${large.id} is too large to send.`);
  for (const [topic, own] of Map.groupBy(rows, (row) => row.topic)) {
    await tx.query(
      `with appended as (
         insert into outbox (topic, key, message_id, envelope, awaits)
         select $1, key, message_id, envelope, ${awaits(topic, "$5::text[]")}
         from unnest($2::text[], $3::text[], $4::bytea[]) with ordinality as row (key, message_id, envelope, place)
         order by place returning id
       )
       select pg_notify('${OUTBOX_CHANNEL}', '') from appended limit 1`,
      [
        ...[topic, own.map(({ key }) => key), own.map(({ id }) => id)],
        ...[own.map(({ envelope }) => Buffer.from(envelope)), confirmersOf(topic)],
      ],
    );
  }
}

/** Most topics have no optional reader, and cost nothing for it. */
function awaits(topic: MessageType, parameter: string): string {
  const isOptional = (name: Producer) => OPTIONAL_READERS.some((optional) => optional === name);
  return confirmersOf(topic).some(isOptional) ? awaited(parameter) : parameter;
}

/**
 * Drives what was appended to a topic since a time once more, in its order, confirmed or not: for a reader that lost what
 * it had confirmed, and to hasten what would be sent again by itself. What was handled already is skipped by the
 * consumers' inboxes. First let consumers read from the topic's start again (rewindGroup), for a group that remembers an
 * offset of a lost topic would skip as many. Resolves to the number of rows.
 */
export async function redrive(pool: Pool, topic: MessageType, since: Date): Promise<number> {
  const { rowCount } = await pool.query(
    `update outbox set published_at = null, sent_count = 0, awaits = ${awaits(topic, "$3")}
     where topic = $1 and created_at >= $2 and published_at is not null`,
    [topic, since, confirmersOf(topic)],
  );
  await pool.query("select pg_notify($1, '')", [OUTBOX_CHANNEL]);
  return rowCount;
}

/**
 * Removes what was published before a time and confirmed by every reader. How long rows stay is how far back a topic can
 * be driven again.
 */
export async function pruneOutbox(pool: Pool, publishedBefore: Date): Promise<number> {
  // Who no longer reads a topic, since the table of messages changed, will never confirm.
  for (const topic of TOPICS) {
    await pool.query(
      `update outbox set awaits = array(select reader from unnest(awaits) as reader where reader = any($2))
       where topic = $1 and awaits <> '{}' and not awaits <@ $2`,
      [topic, confirmersOf(topic)],
    );
  }
  const { rowCount } = await pool.query("delete from outbox where published_at < $1 and awaits = '{}'", [
    publishedBefore,
  ]);
  return rowCount;
}

/** A reader has stored these messages. Rows are locked in their order, since receipts of several readers meet here. */
export async function confirmReceived(
  tx: Transaction,
  consumer: Producer,
  topic: MessageType,
  ids: readonly string[],
): Promise<void> {
  await tx.query(
    `with named as (
       select id from outbox where topic = $1 and message_id = any($2) and awaits <> '{}' and awaits @> array[$3]
       order by id for update
     )
     update outbox set awaits = array_remove(awaits, $3) from named where outbox.id = named.id`,
    [topic, ids, consumer],
  );
}

export type Unconfirmed = { readonly consumer: string; readonly rows: bigint; readonly oldestAt: Date };

/** For each reader how many messages it has not confirmed, and since when: for metrics. */
export async function unconfirmed(database: Queryable): Promise<readonly Unconfirmed[]> {
  const { rows } = await database.query<Unconfirmed>(
    `select consumer, count(*) as "rows", min(created_at) as "oldestAt" from outbox, unnest(awaits) as consumer
     where awaits <> '{}' group by consumer order by consumer`,
  );
  return rows;
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
  const oldest = `select id, octet_length(envelope) as size from outbox
    where published_at is null and topic = any($1) order by id limit ${MAX_ROWS}`;
  return (await database.query<UnpublishedRow>(withinOneBatch(oldest), [topics])).rows;
}

/** Sent again to one reader in one go. */
const MAX_OVERDUE_ROWS = 100;
/** As long as nothing at all comes from a reader, it is down or cut off: then a few rows suffice to find out when it is back. */
const MAX_OVERDUE_ROWS_TO_SILENT = 5;
const SILENT_AFTER = "1 minute";

/** Published rows whose receipts are overdue, as many as go into one batch. */
export async function overdue(database: Queryable, topics: readonly MessageType[]): Promise<readonly UnpublishedRow[]> {
  const pairs = topics.flatMap((topic) => confirmersOf(topic).map((consumer) => ({ topic, consumer })));
  const due = `select id, octet_length(envelope) as size from outbox where id in (
    select due.id from unnest($1::text[], $2::text[]) as pair (topic, consumer)
    left join receipt_heard as heard on heard.consumer = pair.consumer and heard.heard_at > now() - interval '${SILENT_AFTER}'
    cross join lateral (
      select id, row_number() over (order by sent_count, id) as place from outbox
      where topic = pair.topic and awaits <> '{}' and awaits @> array[pair.consumer]
        and published_at is not null and send_again_at <= now()
      order by sent_count, id limit ${MAX_OVERDUE_ROWS}
    ) as due
    where due.place <= ${MAX_OVERDUE_ROWS_TO_SILENT} or heard.consumer is not null
  )`;
  const { rows } = await database.query<UnpublishedRow>(withinOneBatch(due), [
    pairs.map(({ topic }) => topic),
    pairs.map(({ consumer }) => consumer),
  ]);
  return rows;
}

/** @param candidates selects id and size; of them the first that fit together, or the very first alone. */
function withinOneBatch(candidates: string): string {
  return `with candidate as (${candidates}), measured as (
      select id, size, sum(size) over (order by id) as total from candidate
    )
    select id, topic, key, envelope from outbox join measured using (id)
    where total <= ${MAX_BYTES} or total = size order by id limit ${MAX_ROWS}`;
}

const LONGEST_WAIT_MS = 5 * 60_000;

/** Notes that rows were sent, and when they are to be sent again unless they are confirmed: each time after twice as long. */
export async function markPublished(database: Queryable, ids: readonly bigint[], againAfterMs: number): Promise<void> {
  await database.query(
    `with sent as (select id from outbox where id = any($1) order by id for update)
     update outbox set published_at = now(), sent_count = sent_count + 1,
       send_again_at = now() + least($2 * 2 ^ least(sent_count, 20), ${LONGEST_WAIT_MS}) * interval '1 millisecond'
     from sent where outbox.id = sent.id`,
    [ids, againAfterMs],
  );
}
