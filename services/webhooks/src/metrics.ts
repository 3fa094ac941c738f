// What an operator is woken for: endpoints that are not well, and webhooks that wait or were given up.
import type { Pool } from "@sluice/postgres";
import type { Metrics } from "@sluice/runtime";
import { listEndpoints } from "./store-views.ts";

export function measureEndpoints(metrics: Metrics, pool: Pool): void {
  metrics.gauge({
    name: "sluice_webhook_endpoint_disabled_info",
    help: "1 while an endpoint is disabled: an alarm.",
    labels: ["endpoint"],
    collect: async (gauge) => {
      gauge.reset();
      for (const { name, state } of await listEndpoints(pool))
        gauge.set({ endpoint: name }, state === "disabled" ? 1 : 0);
    },
  });
  metrics.gauge({
    name: "sluice_webhook_waiting_seconds",
    help: "Age of the oldest webhook that its endpoint has not taken, 0 when it has taken all.",
    labels: ["endpoint"],
    collect: async (gauge) => {
      gauge.reset();
      for (const { name, waitingSince } of await listEndpoints(pool)) {
        gauge.set({ endpoint: name }, waitingSince === null ? 0 : (Date.now() - waitingSince.getTime()) / 1_000);
      }
    },
  });
  metrics.gauge({
    name: "sluice_webhook_exhausted_messages",
    help: "Webhooks that were given up and not sent again by hand.",
    labels: ["endpoint"],
    collect: async (gauge) => {
      gauge.reset();
      for (const { name, exhausted } of await listEndpoints(pool)) gauge.set({ endpoint: name }, Number(exhausted));
    },
  });
}
