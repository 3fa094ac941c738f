// Puts outbox rows onto their topics and says which of them Kafka has acknowledged.

import type { MessageType } from "@sluice/contracts";
import { type ICustomPartitioner, Partitioners, type Producer, type RecordMetadata } from "kafkajs";
import { type Bus, kafkaOf } from "./bus.ts";
import type { UnpublishedRow } from "./outbox.ts";
import type { Outlet } from "./relay.ts";

/** Publishes with acknowledgement of all in-sync replicas. A topic that fails does not hold up the others. */
export function kafkaOutlet(bus: Bus): Outlet {
  let connection: Promise<Connection> | undefined;
  return {
    deliver: async (rows) => {
      connection ??= connect(bus);
      const byTopic = [...Map.groupBy(rows, ({ topic }) => topic)];
      const outcomes = await Promise.allSettled(
        byTopic.map(async ([topic, some]) =>
          publish(await (connection as Promise<Connection>), bus.topicName(topic), some),
        ),
      );
      const delivered: bigint[] = [];
      const failed = new Map<MessageType, unknown>();
      for (const [position, [topic, some]] of byTopic.entries()) {
        const outcome = outcomes[position];
        if (outcome?.status === "fulfilled") delivered.push(...some.map(({ id }) => id));
        else failed.set(topic, outcome?.reason);
      }
      if (failed.size > 0) await drop();
      return { delivered, failed };
    },
    close: drop,
  };

  // After a failure the client takes back sequence numbers that the broker may have used, and the next batch of the same
  // length would be taken for a repetition and thrown away. A new connection gets a new producer id.
  async function drop(): Promise<void> {
    const dropped = connection;
    connection = undefined;
    await dropped?.then(({ producer }) => producer.disconnect()).catch(() => undefined);
  }
}

type Connection = { readonly producer: Producer; readonly chosen: Map<string, Set<number>> };

async function connect(bus: Bus): Promise<Connection> {
  const chosen = new Map<string, Set<number>>();
  const producer = kafkaOf(bus).producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    createPartitioner: rememberingPartitioner(chosen),
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 4, factor: 0.2, multiplier: 2 },
  });
  await producer.connect();
  return { producer, chosen };
}

async function publish(connection: Connection, topic: string, rows: readonly UnpublishedRow[]): Promise<void> {
  connection.chosen.delete(topic);
  const acknowledged = await connection.producer.send({
    topic,
    acks: -1,
    messages: rows.map(({ key, envelope }) => ({ key, value: envelope })),
  });
  const missing = unacknowledged(topic, connection.chosen.get(topic) ?? new Set(), acknowledged);
  if (missing.length > 0) {
    throw Object.assign(new Error(`Kafka did not acknowledge partitions ${missing.join(", ")} of ${topic}.`), {
      code: "PUBLISH_UNACKNOWLEDGED",
    });
  }
}

/**
 * The chosen partitions that the answer does not vouch for. When leadership moves during a retry, the client may leave
 * a partition out and still report success; what it left out must not be marked as published.
 */
export function unacknowledged(
  topic: string,
  chosen: ReadonlySet<number>,
  answer: readonly RecordMetadata[],
): readonly number[] {
  const good = new Set(
    answer.filter((entry) => entry.topicName === topic && entry.errorCode === 0).map(({ partition }) => partition),
  );
  return [...chosen].filter((partition) => !good.has(partition));
}

function rememberingPartitioner(chosen: Map<string, Set<number>>): ICustomPartitioner {
  return () => {
    const standard = Partitioners.DefaultPartitioner();
    return (args) => {
      const partition = standard(args);
      const partitions = chosen.get(args.topic) ?? new Set();
      chosen.set(args.topic, partitions.add(partition));
      return partition;
    };
  };
}
