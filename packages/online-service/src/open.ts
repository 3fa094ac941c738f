// Opens what a service stands on: its database, migrated; its seal; the bus with its topics. Nothing is consumed yet.
import {
  createTrust,
  type MessageType,
  type Producer,
  type Sealer,
  type Trust,
  topicsFor,
  topicsFrom,
} from "@sluice/contracts";
import { type Bus, createBus, ensureTopics, MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { createPool, durabilityFaults, migrate, type Pool } from "@sluice/postgres";
import type { Lifecycle, Metrics } from "@sluice/runtime";
import { createServiceMetrics } from "./metrics.ts";
import { ownSealer } from "./sealer.ts";
import type { OnlineSecrets, OnlineSettings } from "./settings.ts";

export type OnlineService = {
  readonly name: Producer;
  readonly life: Lifecycle;
  readonly settings: OnlineSettings;
  readonly pool: Pool;
  readonly bus: Bus;
  readonly sealer: Sealer;
  readonly trust: Trust;
  readonly metrics: Metrics;
  /** What this service reads, from the table of messages. */
  readonly reads: readonly MessageType[];
};

/**
 * @param migrations the absolute path of the service's own numbered SQL files.
 * @throws ConfigError, before anything is touched, when the seal key is not the one that the others trust.
 */
export async function openOnlineService(
  life: Lifecycle,
  name: Producer,
  settings: OnlineSettings,
  secrets: OnlineSecrets,
  migrations: string,
): Promise<OnlineService> {
  const { logger } = life;
  const trust = createTrust(settings.SLUICE_TRUST_FILE);
  const sealer = ownSealer(name, trust, secrets);
  const pool = createPool({
    url: settings.SLUICE_DATABASE_URL,
    password: secrets.databasePassword,
    applicationName: name,
    onIdleError: (error) => logger.warn({ err: error }, "an idle connection to Postgres was lost"),
  });
  life.onStop("database pool", () => pool.end());
  const sets = [
    { set: "messaging", directory: MESSAGING_MIGRATIONS },
    { set: name, directory: migrations },
  ];
  await migrate(pool, sets, (line) => logger.info(line));
  for (const fault of await durabilityFaults(pool)) logger.warn({ fault }, "Postgres may lose what it has confirmed");
  const bus = createBus({
    brokers: settings.SLUICE_KAFKA_BROKERS,
    clientId: name,
    logger,
    topicPrefix: settings.SLUICE_TOPIC_PREFIX,
  });
  const reads = topicsFor(name);
  await ensureTopics(bus, [...new Set([...reads, ...topicsFrom(name)])]);
  return { name, life, settings, pool, bus, reads, sealer, trust, metrics: createServiceMetrics(name, logger) };
}
