// Reads a whole topic once, beside every group that reads it for work.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type MessageType, type OpenedOf, open, type Trust } from "@sluice/contracts";
import { type Bus, kafkaOf } from "./bus.ts";

/**
 * Everything that is in the topic now and whose seal holds, by partition in its order, through a group that exists for as
 * long as this takes. What `take` throws ends it.
 */
export async function readToEnd<T extends MessageType>(
  bus: Bus,
  trust: Trust,
  type: T,
  take: (opened: OpenedOf<T>) => void | Promise<void>,
): Promise<void> {
  const topic = bus.topicName(type);
  const kafka = kafkaOf(bus);
  const admin = kafka.admin();
  const groupId = `${bus.topicPrefix}reader-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  try {
    await admin.connect();
    const offsets = await whenLed(() => admin.fetchTopicOffsets(topic));
    const ends = new Map(
      offsets.flatMap(({ partition, low, high }) => (BigInt(high) > BigInt(low) ? [[partition, BigInt(high)]] : [])),
    );
    if (ends.size === 0) return;
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            for (const { value } of batch.messages) {
              const opened = value === null ? null : open(trust, value, [type]);
              if (opened?.ok === true) await take(opened.value);
            }
            const end = ends.get(batch.partition);
            if (end !== undefined && BigInt(batch.lastOffset()) + 1n >= end) ends.delete(batch.partition);
            if (ends.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect();
  }
}

const LED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** A topic that was made just now, or whose leader has moved, answers "not here" for a moment. */
async function whenLed<T>(ask: () => Promise<T>): Promise<T> {
  const startedAtMs = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const mayPass = error instanceof Error && "retriable" in error && error.retriable === true;
      if (!mayPass || performance.now() - startedAtMs > LED_WITHIN_MS) throw error;
    }
    await delay(LOOK_EVERY_MS);
  }
}
