// The configuration of a one-node Kafka in KRaft mode, as text.

export type KafkaConfig = {
  readonly brokerPort: number;
  readonly controllerPort: number;
  readonly dataDirectory: string;
  /** After so long without a word from the broker its partitions have no leader. */
  readonly brokerSessionMs: number;
};

/**
 * A broker that was killed is let in again when the session of its former life has ended: short, where it will be killed.
 * Anywhere else there is nobody who could take over, and a session that ends on a busy machine only does harm.
 */
export const BROKER_SESSION_MS = { killed: 3_000, left: 60_000 } as const;

/** server.properties. What a cluster would replicate is kept once; topics exist only when somebody creates them. */
export function renderKafkaConfig(config: KafkaConfig): string {
  const settings: Readonly<Record<string, string | number>> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    listeners: `PLAINTEXT://127.0.0.1:${config.brokerPort},CONTROLLER://127.0.0.1:${config.controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${config.brokerPort}`,
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.bootstrap.servers": `127.0.0.1:${config.controllerPort}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": config.dataDirectory,
    "broker.session.timeout.ms": config.brokerSessionMs,
    "broker.heartbeat.interval.ms": 500,
    ...SETTINGS_OF_ONE_NODE,
  };
  return `${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n")}\n`;
}

/** The settings that do not depend on where the node runs; shared with the container. */
export const SETTINGS_OF_ONE_NODE: Readonly<Record<string, string | number>> = {
  "auto.create.topics.enable": "false",
  "default.replication.factor": 1,
  "min.insync.replicas": 1,
  "offsets.topic.replication.factor": 1,
  "offsets.topic.num.partitions": 4,
  "transaction.state.log.replication.factor": 1,
  "transaction.state.log.min.isr": 1,
  "transaction.state.log.num.partitions": 4,
  "share.coordinator.state.topic.replication.factor": 1,
  "share.coordinator.state.topic.min.isr": 1,
  // The first consumer of a group starts at once instead of waiting three seconds for others.
  "group.initial.rebalance.delay.ms": 0,
  "log.cleaner.dedupe.buffer.size": 4_194_304,
};

/**
 * Sixteen bytes as Kafka writes a cluster's id. The first bit is cleared: an id that begins with a hyphen would be an option to
 * whoever reads it as an argument, which one in 64 would be.
 */
export function clusterIdOf(random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString("base64url");
}
