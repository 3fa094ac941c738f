// webhooks: tells the exchange's backend of each step of a withdrawal. It decides nothing, and nobody waits for it.
import { fileURLToPath } from "node:url";
import { openOnlineService, serve } from "@sluice/online-service";
import { readConfig, readSecrets, runProcess } from "@sluice/runtime";
import { endpointsOf, readCa, secretsSchema, settingsSchema, targetRules } from "./config.ts";
import { handleWithdrawalChanged } from "./handlers/withdrawal-changed.ts";
import { measureEndpoints } from "./metrics.ts";
import { addRoutes } from "./routes.ts";
import { startSender } from "./sender.ts";
import { prepare } from "./store.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));
const HOUR_MS = 3_600_000;
/** How far back what was delivered can be sent again. */
const DELIVERED_KEPT_MS = 90 * 24 * HOUR_MS;

runProcess("webhooks", async (life) => {
  const settings = readConfig(settingsSchema, process.env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const endpoints = endpointsOf(settings, secrets);
  const extraCa = readCa(settings);
  const service = await openOnlineService(life, "webhooks", settings, secrets, MIGRATIONS);
  const { pool, metrics } = service;
  const prepareDatabase = (setBack: boolean) =>
    prepare(pool, { endpoints, setBack, deliveredBefore: new Date(Date.now() - DELIVERED_KEPT_MS) });
  await prepareDatabase(service.lostSince !== null);
  measureEndpoints(metrics, pool);
  const sender = await startSender({
    ...{ pool, life, metrics, endpoints, timeoutMs: settings.SLUICE_WEBHOOK_TIMEOUT_MS },
    poster: { ...targetRules(settings), extraCa },
    rules: {
      retryFirstMs: settings.SLUICE_WEBHOOK_RETRY_FIRST_MS,
      retryLongestMs: settings.SLUICE_WEBHOOK_RETRY_LONGEST_MS,
      retryForMs: settings.SLUICE_WEBHOOK_RETRY_FOR_MS,
      disableAfterMs: settings.SLUICE_WEBHOOK_DISABLE_AFTER_MS,
      probeEveryMs: settings.SLUICE_WEBHOOK_PROBE_EVERY_MS,
    },
  });
  const pruning = setInterval(() => {
    prepareDatabase(false).catch((error: unknown) =>
      life.logger.warn({ err: error }, "old deliveries stay until the next try"),
    );
  }, HOUR_MS);
  life.onStop("pruning of deliveries", () => clearInterval(pruning));
  await serve(service, {
    handlers: { "withdrawal.changed.v1": handleWithdrawalChanged(endpoints) },
    // An endpoint that is down is its own alarm: restarting this service would help nobody.
    ready: async () => [{ name: "sender", ...sender.health() }],
    routes: (http) => addRoutes(http, pool, life, endpoints),
  });
});
