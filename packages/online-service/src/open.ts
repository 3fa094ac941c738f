// Opens what a service stands on: its database, migrated; its seal; the bus with its topics. Nothing is consumed yet.

import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  createTrust,
  type MessageType,
  OPTIONAL_READERS,
  type Producer,
  type Sealer,
  type Trust,
  topicsFor,
  topicsFrom,
} from "@sluice/contracts";
import {
  type Bus,
  createBus,
  ensureTopics,
  MESSAGING_MIGRATIONS,
  rewindGroup,
  setOptionalReaders,
} from "@sluice/messaging";
import { createPool, durabilityFaults, migrate, type Pool } from "@sluice/postgres";
import type { Lifecycle, Metrics } from "@sluice/runtime";
import { waitForOperator } from "./halted.ts";
import { beginRecovery, judgeStanding, keepMarking } from "./high-water.ts";
import { createServiceMetrics } from "./metrics.ts";
import { ownSealer } from "./sealer.ts";
import type { OnlineSecrets, OnlineSettings } from "./settings.ts";
import { waitFor } from "./wait-for.ts";

const OWN_MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));
const ASK_AGAIN_MS = 1_000;

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
  /**
   * Null unless the database was restored from an older copy, and an operator has said to go on from it: then the time it
   * is from. What is to be brought back beside what the topics hold is brought back before anything is decided.
   */
  readonly lostSince: Date | null;
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
    { set: "online-service", directory: OWN_MIGRATIONS },
    { set: "messaging", directory: MESSAGING_MIGRATIONS },
    { set: name, directory: migrations },
  ];
  await waitFor(life, settings, "Postgres", () => migrate(pool, sets, (line) => logger.info(line)));
  await setOptionalReaders(pool, optionalReadersIn(settings));
  for (const fault of await durabilityFaults(pool)) logger.warn({ fault }, "Postgres may lose what it has confirmed");
  const bus = createBus({
    brokers: settings.SLUICE_KAFKA_BROKERS,
    clientId: name,
    logger,
    topicPrefix: settings.SLUICE_TOPIC_PREFIX,
  });
  const reads = topicsFor(name);
  const lostSince = await waitFor(life, settings, "Kafka or Postgres", async () => {
    await ensureTopics(bus, [...new Set([...reads, ...topicsFrom(name)])]);
    return ensureCurrent(life, settings, { name, pool, bus, trust, reads });
  });
  keepMarking({ name, pool, bus, trust, sealer, life, markEveryMs: settings.SLUICE_MARK_EVERY_MS });
  const metrics = createServiceMetrics(name, logger);
  return { name, life, settings, pool, bus, reads, sealer, trust, metrics, lostSince };
}

/** Who has a key that counts is there, or will be. */
function optionalReadersIn({ SLUICE_TRUST_FILE: keys }: OnlineSettings): readonly Producer[] {
  return OPTIONAL_READERS.filter((name) => keys.some(({ producer, revoked }) => producer === name && revoked !== true));
}

/** Halts on a database that was set back until an operator says to go on, and then has the topics read from their start. */
async function ensureCurrent(
  life: Lifecycle,
  settings: OnlineSettings,
  service: Pick<OnlineService, "name" | "pool" | "bus" | "trust" | "reads">,
): Promise<Date | null> {
  const standing = await judgeStanding({ ...service, markEveryMs: settings.SLUICE_MARK_EVERY_MS });
  if (standing.kind === "current") return null;
  if (standing.kind === "set-back") {
    await waitForOperator(life, { host: settings.SLUICE_HTTP_HOST, port: settings.SLUICE_HTTP_PORT }, standing);
    await beginRecovery(service.pool, standing.highest);
  }
  const group = `${settings.SLUICE_TOPIC_PREFIX}${service.name}`;
  while (!life.stopping.aborted) {
    try {
      await rewindGroup(service.bus, group, service.reads);
      break;
    } catch (error) {
      life.logger.warn({ err: error }, "the topics cannot be read from their start yet; it is tried again");
      await delay(ASK_AGAIN_MS);
    }
  }
  return new Date(standing.sinceMs);
}
