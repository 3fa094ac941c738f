// Lets a stopped consumer group read topics from their start again.

import type { MessageType } from "@sluice/contracts";
import { type Bus, kafkaOf } from "./bus.ts";
import { OperatingError } from "./failure.ts";

// What Kafka takes for "the oldest that is there"; stored as a position it sends the next reader to the start.
const EARLIEST = "-2";

/**
 * Sets the group's position in each topic to the start; its inbox skips what it has handled. Throws GROUP_RUNNING while
 * an instance of the group still runs, since that would go on from where it is.
 */
export async function rewindGroup(bus: Bus, group: string, types: readonly MessageType[]): Promise<void> {
  const topics = types.map(bus.topicName);
  const kafka = kafkaOf(bus);
  // The client offers the same in its admin part, but waits five seconds there for a fetch that brings nothing.
  const consumer = kafka.consumer({ groupId: group, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  const admin = kafka.admin();
  try {
    await Promise.all([consumer.connect(), admin.connect()]);
    await consumer.subscribe({ topics, fromBeginning: true });
    const { state } = await consumer.describeGroup();
    if (state !== "Empty" && state !== "Dead") {
      throw new OperatingError(
        "GROUP_RUNNING",
        "retry",
        `Stop every instance of ${group} first; its state is ${state}.`,
      );
    }
    const { topics: described } = await admin.fetchTopicMetadata({ topics });
    await new Promise<void>((resolve, reject) => {
      // Positions are stored just before the first fetch.
      consumer.on(consumer.events.FETCH, () => resolve());
      consumer.run({ eachBatchAutoResolve: false, eachBatch: async () => undefined }).catch(reject);
      consumer.pause(topics.map((topic) => ({ topic })));
      for (const { name, partitions } of described) {
        for (const { partitionId } of partitions)
          consumer.seek({ topic: name, partition: partitionId, offset: EARLIEST });
      }
    });
  } finally {
    await Promise.all([consumer.disconnect(), admin.disconnect()]);
  }
}
