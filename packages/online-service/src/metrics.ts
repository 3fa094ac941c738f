// What every online service counts, and metrics that are there also while the database is not.
import type { MessageType } from "@sluice/contracts";
import { type Observation, outboxBacklog, unconfirmed } from "@sluice/messaging";
import type { Pool } from "@sluice/postgres";
import { createMetrics, type Logger, type Metrics } from "@sluice/runtime";

/**
 * A gauge that cannot be collected, because the database that it asks is away, has no value until it can be again.
 * All the others are shown meanwhile: that is when somebody looks at them.
 */
export function createServiceMetrics(service: string, logger: Logger): Metrics {
  const metrics = createMetrics(service);
  return {
    ...metrics,
    gauge: (spec) => {
      const { collect } = spec;
      if (collect === undefined) return metrics.gauge(spec);
      return metrics.gauge({
        ...spec,
        collect: async (gauge) => {
          try {
            await collect(gauge);
          } catch (error) {
            if (spec.labels === undefined) gauge.remove();
            else gauge.reset();
            logger.warn({ err: error, metric: spec.name }, "a metric could not be collected");
          }
        },
      });
    },
  };
}

export type MessageMetrics = {
  readonly observe: (observation: Observation) => void;
  readonly observeLag: (lag: {
    readonly type: MessageType;
    readonly partition: number;
    readonly messages: number;
  }) => void;
};

export function countMessages(metrics: Metrics, pool: Pool): MessageMetrics {
  const messages = metrics.counter({
    name: "sluice_messages_total",
    help: "Messages read, by what became of them.",
    labels: ["type", "outcome"],
  });
  const duration = metrics.histogram({
    name: "sluice_message_handling_seconds",
    help: "From the opening of a message to the end of its handler.",
    labels: ["type"],
  });
  const lag = metrics.gauge({
    name: "sluice_consumer_lag_messages",
    help: "Messages of a partition that were still to come after the last batch.",
    labels: ["type", "partition"],
  });
  metrics.gauge({
    name: "sluice_outbox_waiting_messages",
    help: "Messages that the relay has not published yet.",
    collect: async (gauge) => gauge.set(Number((await outboxBacklog(pool)).rows)),
  });
  return {
    observe: ({ type, outcome, durationMs }) => {
      messages.inc({ type, outcome });
      if (outcome !== "retried") duration.observe({ type }, durationMs / 1_000);
    },
    observeLag: ({ type, partition, messages: waiting }) => lag.set({ type, partition }, waiting),
  };
}

export function countSentAgain(metrics: Metrics, pool: Pool): { readonly observeSentAgain: (rows: number) => void } {
  const sentAgain = metrics.counter({
    name: "sluice_outbox_sent_again_total",
    help: "Messages that were sent again because a reader had not confirmed them in time.",
  });
  metrics.gauge({
    name: "sluice_outbox_unconfirmed_seconds",
    help: "Age of the oldest message that this reader has not confirmed, none when it has confirmed all. Growing: it is down, or cut off.",
    labels: ["consumer"],
    collect: async (gauge) => {
      gauge.reset();
      for (const { consumer, oldestAt } of await unconfirmed(pool)) {
        gauge.set({ consumer }, (Date.now() - oldestAt.getTime()) / 1_000);
      }
    },
  });
  return { observeSentAgain: (rows) => sentAgain.inc(rows) };
}
