// An enemy with access to the broker: reads every topic, and puts anything on it, past our own publisher.
import type { MessageType } from "@sluice/contracts";
import type { Inside, OnlineService, Stack } from "@sluice/devstack";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { createHeard } from "./heard.ts";

export type Position = { readonly topic: MessageType; readonly partition: number; readonly offset: string };

export type Topics = {
  /** Messages with one key go to one partition, as ours do. */
  readonly put: (topic: MessageType, records: readonly Loose[]) => Promise<readonly Position[]>;
  /** The first message on a topic that contains a text; waits for it. */
  readonly messageWith: (topic: MessageType, text: string) => Promise<Captive>;
  readonly close: () => Promise<void>;
};

export type Captive = { readonly envelope: Uint8Array; readonly partition: number };
type Loose = { readonly key: string; readonly envelope: Uint8Array | null };

export async function openTopics({ brokers, topicPrefix }: Inside, read: readonly MessageType[]): Promise<Topics> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: "enemy", logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  const consumer = kafka.consumer({ groupId: `${topicPrefix}enemy`, maxWaitTimeInMs: 100 });
  const heard = createHeard<Captive & { readonly topic: string }>();
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topics: read.map((topic) => `${topicPrefix}${topic}`), fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) =>
      heard.push({ topic, partition, envelope: message.value ?? new Uint8Array() }),
  });
  return {
    put: async (topic, records) => {
      const positions: Position[] = [];
      // One by one: then the broker's answer says where each of them lies.
      for (const { key, envelope } of records) {
        const value = envelope === null ? null : Buffer.from(envelope);
        const [at] = await producer.send({ topic: `${topicPrefix}${topic}`, messages: [{ key, value }] });
        if (at?.baseOffset === undefined) throw new Error(`the broker did not say where on ${topic} it put the record`);
        positions.push({ topic, partition: at.partition, offset: at.baseOffset });
      }
      return positions;
    },
    messageWith: (topic, text) =>
      heard.until(`${topic} with ${text}`, (all) =>
        all.find((each) => each.topic === `${topicPrefix}${topic}` && Buffer.from(each.envelope).includes(text)),
      ),
    close: async () => {
      await Promise.all([producer.disconnect(), consumer.disconnect()]);
    },
  };
}

/** The code with which a service parked the message at this place; undefined while it did not. */
export async function parkedAs(
  { httpUrls }: Stack,
  service: OnlineService,
  { topic, partition, offset }: Position,
): Promise<string | undefined> {
  const answer = await fetch(`${httpUrls[service]}/dead-letters`);
  const { deadLetters } = (await answer.json()) as { readonly deadLetters: readonly (Position & { code: string })[] };
  return deadLetters.find(
    (letter) => letter.topic === topic && letter.partition === partition && letter.offset === offset,
  )?.code;
}

/** The value of a counter in a text of metrics, all samples with these labels together. */
export function countIn(metrics: string, name: string, ...labels: readonly string[]): number {
  return metrics
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
