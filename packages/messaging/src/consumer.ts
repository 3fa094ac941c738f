// Reads topics as one of a group: Postgres first, then the offset, so that a crash in between only repeats.

import { MESSAGES, type MessageType, type Trust } from "@sluice/contracts";
import type { Pool } from "@sluice/postgres";
import type { Consumer as KafkaConsumer } from "kafkajs";
import { type Bus, kafkaOf } from "./bus.ts";
import type { Handlers } from "./handlers.ts";
import type { Logger } from "./logger.ts";
import { createPauses } from "./pauses.ts";
import { type Reader, readBatch } from "./read-batch.ts";
import type { Receipts } from "./receipts.ts";
import type { Observation } from "./settle.ts";

export type ConsumerOptions = {
  readonly bus: Bus;
  readonly pool: Pool;
  /** Instances of one service share a group, and the partitions between them. */
  readonly group: string;
  readonly trust: Trust;
  /** Exactly the types that have a handler. */
  readonly topics: readonly MessageType[];
  readonly handlers: Handlers;
  readonly logger: Logger;
  /** Confirms to the publishers what is stored here; without it they send it again and again. */
  readonly receipts?: Receipts;
  /** Told after the commit, once for each message. */
  readonly observe?: (observation: Observation) => void;
  /** How many messages of a partition are still to come after a batch. */
  readonly observeLag?: (lag: {
    readonly type: MessageType;
    readonly partition: number;
    readonly messages: number;
  }) => void;
  /** Told when this consumer can never go on. Ends the process with code 1 if not given. */
  readonly onFatal?: (error: unknown) => void;
  /** Milliseconds until Kafka gives a silent instance's partitions to another; 30,000 if not given, not below the broker's minimum. */
  readonly sessionTimeoutMs?: number;
};

export type Consumer = {
  readonly state: () => "running" | "restarting" | "failed" | "stopped";
  /** Waits for the transaction in hand, commits its offset and leaves the group. */
  readonly stop: () => Promise<void>;
};

/**
 * Resolves when the group is joined, or while that is tried again because the cluster went away. Rejects when a topic
 * does not exist, the cluster cannot be reached, or the group does not take this instance.
 */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  refuseMismatch(options);
  const sessionTimeout = options.sessionTimeoutMs ?? 30_000;
  const consumer = kafkaOf(options.bus).consumer({
    groupId: options.group,
    allowAutoTopicCreation: false,
    sessionTimeout,
    heartbeatInterval: Math.min(3_000, sessionTimeout / 3),
    // The longest that stop() waits for an empty fetch. Messages end the fetch at once.
    maxWaitTimeInMs: 250,
  });
  const lifecycle = createLifecycle(options, consumer);
  const typeOfTopic = new Map(options.topics.map((type) => [options.bus.topicName(type), type]));
  try {
    await consumer.connect();
    // A group without an offset reads from the start: skipping to the end would lose what is there.
    await consumer.subscribe({ topics: [...typeOfTopic.keys()], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        const type = typeOfTopic.get(payload.batch.topic);
        if (type === undefined) throw new TypeError(`Nobody asked for a batch of ${payload.batch.topic}.`);
        await readBatch(lifecycle.reader, type, payload);
      },
    });
    lifecycle.throwIfFailed();
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
  return { state: lifecycle.state, stop: lifecycle.stop };
}

function refuseMismatch({ topics, handlers }: ConsumerOptions): void {
  const handled = Object.keys(handlers);
  for (const type of topics) {
    if (!handled.includes(type)) throw new TypeError(`${type} is read but has no handler.`);
    if (MESSAGES[type].route === "bridge") throw new TypeError(`${type} has no topic.`);
  }
  for (const type of handled) {
    if (!(topics as readonly string[]).includes(type)) throw new TypeError(`${type} has a handler but is not read.`);
  }
}

type Lifecycle = Consumer & { readonly reader: Reader; readonly throwIfFailed: () => void };

function createLifecycle(options: ConsumerOptions, consumer: KafkaConsumer): Lifecycle {
  const { logger, group } = options;
  const pauses = createPauses();
  let state: ReturnType<Consumer["state"]> = "running";
  let reason: unknown;

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (state === "restarting") state = "running";
    logger.info({ group, partitions: payload.memberAssignment }, "joined the consumer group");
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) return fail(payload.error);
    state = "restarting";
    logger.error({ err: payload.error, group }, "the consumer broke off and starts again");
  });
  return {
    state: () => state,
    reader: { options, pauses, mayGoOn: () => state === "running", fail },
    throwIfFailed: () => {
      if (state === "failed") throw reason;
    },
    stop: async () => {
      state = "stopped";
      pauses.end();
      await consumer.disconnect();
    },
  };

  function fail(error: unknown): void {
    if (state === "failed" || state === "stopped") return;
    state = "failed";
    reason = error;
    logger.error({ err: error, group }, "the consumer cannot go on");
    if (options.onFatal === undefined) process.exit(1);
    options.onFatal(error);
  }
}
