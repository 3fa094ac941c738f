// Marks: what a service publishes of how far its database has come, for itself to read when it starts with an older copy.

import { randomUUID } from "node:crypto";
import { open, type Producer, type Sealer, seal, type Trust } from "@sluice/contracts";
import { type Bus, kafkaOf } from "./bus.ts";
import { kafkaOutlet } from "./publisher.ts";

const MARK = "database.marked.v1";

export type Marks = {
  /** Rejects when Kafka did not take it: the next one says the same and more. */
  readonly publish: (mark: bigint, atMs: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

export function openMarks(bus: Bus, sealer: Sealer): Marks {
  const outlet = kafkaOutlet(bus);
  const { producer: service } = sealer;
  return {
    publish: async (mark, markedAtMs) => {
      const message = { service, mark, markedAtMs };
      const envelope = seal(sealer, MARK, {
        id: `${service}/${randomUUID()}`,
        key: service,
        occurredAtMs: markedAtMs,
        message,
      });
      const { failed } = await outlet.deliver([{ id: 0n, topic: MARK, key: service, envelope: Buffer.from(envelope) }]);
      for (const reason of failed.values()) throw reason;
    },
    close: outlet.close,
  };
}

/**
 * The highest mark that the service ever published and the topic still has; 0 when there is none. Only its own seal
 * counts. A broker can keep marks back, and then an older copy is not noticed by this; it can invent none.
 */
export async function highestMark(bus: Bus, trust: Trust, service: Producer): Promise<bigint> {
  let highest = 0n;
  await readToEnd(bus, (value) => {
    const opened = open(trust, value, [MARK]);
    if (!opened.ok || opened.value.producer !== service) return;
    const { message } = opened.value;
    if (message.service === service && message.mark > highest) highest = message.mark;
  });
  return highest;
}

/** Everything that is in the topic now, through a group that exists for as long as this takes. */
async function readToEnd(bus: Bus, take: (value: Uint8Array) => void): Promise<void> {
  const topic = bus.topicName(MARK);
  const kafka = kafkaOf(bus);
  const admin = kafka.admin();
  const groupId = `${bus.topicPrefix}marks-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  try {
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
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
            for (const { value } of batch.messages) if (value !== null) take(value);
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
