// Starts what makes a service live: relay, consumer, internal HTTP. What was begun last is stopped first.
import { createHttpServer, type Dependency, type HttpServer } from "@sluice/http";
import {
  type Handlers,
  pruneOutbox,
  receiptHandler,
  startConsumer,
  startReceipts,
  startRelay,
} from "@sluice/messaging";
import type { Pool } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { answerDeadLetters } from "./dead-letters.ts";
import { messagingHealth, postgresHealth } from "./health.ts";
import { endRecovery } from "./high-water.ts";
import { countMessages, countSentAgain } from "./metrics.ts";
import type { OnlineService } from "./open.ts";
import { answerRedrive } from "./redrive.ts";
import { refuseOtherOrigins } from "./same-origin.ts";
import { waitFor } from "./wait-for.ts";

export type Serving = {
  readonly handlers: Handlers;
  /** What else has to be well for /readyz, beside Postgres, relay and consumer. */
  readonly ready?: () => Promise<readonly Dependency[]>;
  /** Adds the service's own internal routes. */
  readonly routes?: (http: HttpServer) => void;
  /** On a database that was set back, once the topics are read again: what else was lost comes back. */
  readonly bringBack?: () => Promise<void>;
  /** Prometheus text of somebody else that is shown beside the service's own. */
  readonly moreMetrics?: () => string;
};

const HOUR_MS = 60 * 60 * 1_000;
/** How far back a lost topic can be driven again from the outbox. */
const OUTBOX_KEPT_MS = 30 * 24 * HOUR_MS;

export async function serve(service: OnlineService, serving: Serving): Promise<void> {
  const { life, pool, bus, name, settings, metrics } = service;
  const handlers = withReceipts(service, serving.handlers);
  const { logger } = life;
  const sentAgain = countSentAgain(metrics, pool);
  const counted = countMessages(metrics, pool);
  const sendAgainAfterMs = settings.SLUICE_SEND_AGAIN_AFTER_MS;
  const relay = await waitFor(life, settings, "Postgres", () =>
    startRelay({ bus, pool, logger, sendAgainAfterMs, ...sentAgain }),
  );
  life.onStop("outbox relay", relay.stop);
  const receipts = startReceipts({ bus, logger, sealer: service.sealer });
  life.onStop("receipts", receipts.stop);
  const consumer = await waitFor(life, settings, "Kafka", () =>
    startConsumer({
      bus,
      pool,
      group: `${settings.SLUICE_TOPIC_PREFIX}${name}`,
      trust: service.trust,
      topics: service.reads,
      handlers,
      receipts,
      logger,
      sessionTimeoutMs: settings.SLUICE_KAFKA_SESSION_TIMEOUT_MS,
      ...counted,
    }),
  );
  life.onStop("consumer", consumer.stop);
  const pruning = setInterval(() => void prune(pool, logger), HOUR_MS);
  life.onStop("pruning", () => clearInterval(pruning));
  const http = await createHttpServer({
    logger,
    ready: async () => [
      await postgresHealth(pool),
      ...messagingHealth(relay, consumer),
      ...((await serving.ready?.()) ?? []),
    ],
    metricsText: async () => `${await metrics.text()}${serving.moreMetrics?.() ?? ""}`,
  });
  refuseOtherOrigins(http);
  answerDeadLetters(http, service, handlers);
  answerRedrive(http, service);
  serving.routes?.(http);
  life.onStop("internal HTTP", () => http.close());
  const address = await http.listen({ host: settings.SLUICE_HTTP_HOST, port: settings.SLUICE_HTTP_PORT });
  logger.info({ address, httpPort: Number(new URL(address).port) }, "internal HTTP listens");
  if (service.lostSince === null) return;
  await serving.bringBack?.();
  await endRecovery(pool);
  logger.warn({ lostSince: service.lostSince }, "what was lost is brought back; the topics are read from their start");
}

/** Who publishes is told by its readers what they have stored; the same for every service, so none writes it itself. */
function withReceipts({ name, reads }: OnlineService, handlers: Handlers): Handlers {
  const type = "message.received.v1";
  return reads.includes(type) ? { ...handlers, [type]: receiptHandler(name) } : handlers;
}

async function prune(pool: Pool, logger: Logger): Promise<void> {
  try {
    await pruneOutbox(pool, new Date(Date.now() - OUTBOX_KEPT_MS));
  } catch (error) {
    logger.warn({ err: error }, "old outbox rows stay until the next try");
  }
}
