// The connection settings of a Kafka cluster and what is done to the cluster itself; nothing is created by accident.

import { setTimeout as delay } from "node:timers/promises";
import { ENVELOPE_MAX_BYTES, type MessageType } from "@sluice/contracts";
import { type Admin, Kafka, type KafkaConfig, type logCreator, logLevel } from "kafkajs";
import type { Logger } from "./logger.ts";

export type BusOptions = {
  /** host:port of some brokers; they name the others. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: Logger;
  /** Put before every topic's name, for several deployments on one cluster; empty if not given. */
  readonly topicPrefix?: string;
  readonly tls?: NonNullable<KafkaConfig["ssl"]>;
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
};

export type Bus = {
  readonly topicPrefix: string;
  readonly topicName: (type: MessageType) => string;
};

/** Only settings: connections are made by those who use it. */
export function createBus(options: BusOptions): Bus {
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.tls === undefined ? {} : { ssl: options.tls }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl as NonNullable<KafkaConfig["sasl"]> }),
    // What a broker has not answered by then is taken for lost, and asked or sent again, which is harmless. The client does not
    // always notice that a connection is gone.
    requestTimeout: 6_000,
    // Some three seconds; whoever uses the connection starts over after that, and says so in the log. No wait is so long
    // that it would add much to the time for which a broker is away.
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 8, factor: 0.2, multiplier: 2 },
    logLevel: logLevel.INFO,
    logCreator: forwardTo(options.logger),
  };
  const topicPrefix = options.topicPrefix ?? "";
  const bus: Bus = { topicPrefix, topicName: (type) => `${topicPrefix}${type}` };
  CONFIGS.set(bus, config);
  return bus;
}

/** For this package only. `mark` is put behind the client id, by which brokers show the client to others. */
export function kafkaOf(bus: Bus, mark = ""): Kafka {
  const config = CONFIGS.get(bus);
  if (config === undefined) throw new TypeError("The bus was not made by createBus.");
  return new Kafka({ ...config, clientId: `${config.clientId}${mark}` });
}

export type TopicOptions = {
  /** Of each topic that does not exist yet; 3 if not given. Never changed later: that would break the order of keys. */
  readonly partitions?: number;
  /** The broker's default if not given. In production 3, with min.insync.replicas 2. */
  readonly replicationFactor?: number;
  readonly minInsyncReplicas?: number;
};

/**
 * Creates the topics that are missing, leaves the others as they are, and resolves when every one of them can be used.
 * Several services may do it at once: whoever is slower waits for what the faster one made.
 */
export async function ensureTopics(bus: Bus, types: readonly MessageType[], options: TopicOptions = {}): Promise<void> {
  // Asked about no topic, the broker tells of all.
  if (types.length === 0) return;
  await administer(bus, async (admin) => {
    const topics = types.map(bus.topicName);
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic));
    if (missing.length > 0) {
      // Resolves to false when another instance was faster, which serves as well.
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((topic) => ({
          topic,
          numPartitions: options.partitions ?? 3,
          replicationFactor: options.replicationFactor ?? -1,
          configEntries: configEntries(options, topic === bus.topicName("database.marked.v1")),
        })),
      });
    }
    await waitUntilLed(admin, topics);
  });
}

const LED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** A topic is known before its partitions have leaders; "not here yet" is an answer to ask again after. */
async function waitUntilLed(admin: Admin, topics: readonly string[]): Promise<void> {
  const startedAtMs = performance.now();
  for (;;) {
    const late = performance.now() - startedAtMs > LED_WITHIN_MS;
    try {
      if (await areLed(admin, topics)) return;
      if (late) throw new Error(`topics without a leader for ${LED_WITHIN_MS} ms: ${topics.join(", ")}`);
    } catch (error) {
      const mayPass = error instanceof Error && "retriable" in error && error.retriable === true;
      if (!mayPass || late) throw error;
    }
    await delay(LOOK_EVERY_MS);
  }
}

async function areLed(admin: Admin, topics: readonly string[]): Promise<boolean> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
  const led = found.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
  return led && found.length === topics.length;
}

/**
 * Deletes every topic under the bus's prefix, whatever it holds: for deployments that lived for a test. Kafka forgets the
 * groups' offsets with them. Refuses without a prefix, because then it would be everybody's topics.
 */
export async function removeTopics(bus: Bus): Promise<void> {
  const prefix = bus.topicPrefix;
  if (prefix === "") throw new TypeError("Only topics under a prefix of their own are removed.");
  await administer(bus, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}

const CONFIGS = new WeakMap<Bus, KafkaConfig>();

const DAY_MS = 24 * 60 * 60 * 1_000;

const KEPT = [
  { name: "cleanup.policy", value: "delete" },
  { name: "retention.ms", value: String(30 * DAY_MS) },
];
/** What is superseded goes within hours, so that the whole topic is read in a moment. */
const NEWEST_OF_EACH_KEY = [
  { name: "cleanup.policy", value: "compact" },
  { name: "segment.ms", value: String(DAY_MS / 24) },
  { name: "min.cleanable.dirty.ratio", value: "0.1" },
];

function configEntries(options: TopicOptions, newestOnly: boolean): { name: string; value: string }[] {
  const entries = [
    ...(newestOnly ? NEWEST_OF_EACH_KEY : KEPT),
    // The record around an envelope needs a little more than the envelope.
    { name: "max.message.bytes", value: String(ENVELOPE_MAX_BYTES + 64 * 1024) },
    { name: "unclean.leader.election.enable", value: "false" },
  ];
  if (options.minInsyncReplicas !== undefined) {
    entries.push({ name: "min.insync.replicas", value: String(options.minInsyncReplicas) });
  }
  return entries;
}

async function administer(bus: Bus, work: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = kafkaOf(bus).admin();
  try {
    await admin.connect();
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

// The client calls every rebalance and every retried request an error, several times a second while a broker is away. What
// really fails reaches our own code and is logged there.
function forwardTo(logger: Logger): logCreator {
  return () =>
    ({ namespace, log }) => {
      const { message, logger: _, timestamp: __, ...fields } = log;
      const entry = { ...fields, kafka: namespace };
      logger.debug(entry, message);
    };
}
