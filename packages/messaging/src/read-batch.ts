// One batch of one partition: settled in Postgres first, then its offset is committed.

import type { MessageType } from "@sluice/contracts";
import type { EachBatchPayload, KafkaMessage } from "kafkajs";
import type { ConsumerOptions } from "./consumer.ts";
import type { Delivered } from "./dead-letter.ts";
import { judge } from "./failure.ts";
import type { Pauses } from "./pauses.ts";
import { type Settled, settle } from "./settle.ts";

export type Reader = {
  readonly options: ConsumerOptions;
  readonly pauses: Pauses;
  readonly mayGoOn: () => boolean;
  readonly fail: (error: unknown) => void;
};

// Postgres keeps up to 64 subtransactions of a transaction in shared memory; beyond that every snapshot in the server
// gets slower.
const MAX_MESSAGES_PER_TRANSACTION = 60;

/** Resolves early, with the rest unresolved, when the consumer stops, loses the partition or has to come again later. */
export async function readBatch(reader: Reader, type: MessageType, payload: EachBatchPayload): Promise<void> {
  const { batch } = payload;
  const messages = batch.messages.map((message) => delivered(type, batch.partition, message));
  for (let first = 0; first < messages.length; first += MAX_MESSAGES_PER_TRANSACTION) {
    if (!reader.mayGoOn() || !payload.isRunning() || payload.isStale()) return;
    const some = messages.slice(first, first + MAX_MESSAGES_PER_TRANSACTION);
    const settled = await settleOrWait(reader, payload, some);
    if (settled === undefined) return;
    report(reader, settled);
    await commitOffset(reader, payload, some);
    await payload.heartbeat();
  }
}

function delivered(topic: MessageType, partition: number, message: KafkaMessage): Delivered {
  // A record without a value is no envelope, and is parked like any other.
  const envelope = message.value ?? new Uint8Array();
  return { topic, partition, offset: BigInt(message.offset), key: message.key, envelope };
}

/** Undefined when the same messages must come again later, or the process has to end. */
async function settleOrWait(
  reader: Reader,
  payload: EachBatchPayload,
  messages: readonly Delivered[],
): Promise<readonly Settled[] | undefined> {
  // A slow transaction must not cost this instance its partitions. That they are lost already shows at the next heartbeat
  // outside; until then the inbox keeps the two instances apart.
  const beating = setInterval(() => void payload.heartbeat().catch(() => undefined), 1_000);
  try {
    return await settle(reader.options, messages);
  } catch (error) {
    if (judge(error).action === "stop") reader.fail(error);
    else retryLater(reader, payload, messages, error);
    return undefined;
  } finally {
    clearInterval(beating);
  }
}

// Only this partition waits. Its offset was not resolved, so the next fetch after the pause brings the same messages.
function retryLater(
  { options, pauses }: Reader,
  payload: EachBatchPayload,
  messages: readonly Delivered[],
  error: unknown,
): void {
  const { topic, partition } = payload.batch;
  const { attempt, delayMs } = pauses.pause(nameOf(payload), payload.pause());
  options.logger.warn(
    { err: error, group: options.group, topic, partition, messages: messages.length, attempt, delayMs },
    "a batch was rolled back and is tried again",
  );
  for (const message of messages) options.observe?.({ type: message.topic, outcome: "retried", durationMs: 0 });
}

function report({ options }: Reader, settled: readonly Settled[]): void {
  const { group, logger } = options;
  for (const { type, outcome, durationMs, delivered: from, code, reason, opened } of settled) {
    options.observe?.({ type, outcome, durationMs });
    if (opened !== undefined) options.receipts?.note(opened);
    if (outcome !== "parked") continue;
    const fields = { group, type, partition: from.partition, offset: String(from.offset), code, reason };
    logger.error(fields, "a message was parked as a dead letter");
  }
}

async function commitOffset(
  { options, pauses }: Reader,
  payload: EachBatchPayload,
  messages: readonly Delivered[],
): Promise<void> {
  const { topic, partition, highWatermark } = payload.batch;
  const last = messages.at(-1);
  if (last === undefined) return;
  pauses.succeeded(nameOf(payload));
  payload.resolveOffset(String(last.offset));
  const next = last.offset + 1n;
  await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(next) }] }] });
  options.observeLag?.({ type: last.topic, partition, messages: Number(BigInt(highWatermark) - next) });
}

function nameOf({ batch }: EachBatchPayload): string {
  return `${batch.topic}/${batch.partition}`;
}
