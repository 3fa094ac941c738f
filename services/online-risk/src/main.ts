// The front door, read top to bottom: settings, what every online service stands on, judge, public API, messages.

import { fileURLToPath } from "node:url";
import { openPolicies } from "@sluice/active-policy";
import { pruneNonces, watchKeyFiles } from "@sluice/gate";
import { startJudge, watchBacklog } from "@sluice/judging";
import { openOnlineService, serve } from "@sluice/online-service";
import { watchReports } from "@sluice/report-watch";
import { listLost } from "@sluice/risk-memory";
import { runProcess } from "@sluice/runtime";
import { openProvider, openScreening } from "@sluice/screening";
import { openApi } from "./api.ts";
import { bringBack } from "./bring-back.ts";
import { readSettings } from "./config.ts";
import { createHandlers } from "./handlers/index.ts";
import { createRiskMetrics } from "./metrics.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));
const PRUNE_EVERY_MS = 60_000;

runProcess("online-risk", async (life) => {
  const { settings, secrets, wallets, labels } = readSettings(process.env);
  const { name, logger, onStop } = life;
  const signatureWindowMs = settings.SLUICE_SIGNATURE_WINDOW_MS;
  const now = Date.now;
  const service = await openOnlineService(life, "online-risk", settings, secrets, MIGRATIONS);
  const { pool, sealer } = service;
  const keys = watchKeyFiles(process.env, logger);
  onStop("watch over the API's keys", keys.stop);
  const metrics = createRiskMetrics(service.metrics, pool, keys);

  if (service.lostSince !== null) await bringBack(service, settings.SLUICE_NETWORK);

  const { SLUICE_NETWORK: network, SLUICE_POLICY_FILE: given } = settings;
  const policies = await openPolicies({ pool, network, now, logger }, given);
  const reports = watchReports({ pool, policies, metrics: service.metrics, now, logger });
  onStop("watch over reports", reports.stop);

  const { SLUICE_SCREENING_PROVIDER_URL: url, SLUICE_SCREENING_PROVIDER_TIMEOUT_MS: timeoutMs } = settings;
  const key = secrets.screeningProviderKey ?? null;
  const asked = { timeoutMs, key, now, metrics: service.metrics, logger };
  const screening = openScreening({
    provider: url === undefined ? null : openProvider({ url, ...asked }),
    ...{ place: labels, network, maxAgeMs: () => policies.latest()?.policy.screening.maxAgeMs ?? null },
    ...{ metrics: service.metrics, logger, now },
  });
  onStop("address labels", screening.stop);

  const judge = await startJudge({
    ...{ pool, sealer, policies, wallets, screening, now, logger, onJudged: metrics.judged },
    batch: settings.SLUICE_JUDGE_BATCH,
  });
  onStop("judge", judge.stop);
  const backlog = watchBacklog({ pool, logger, most: settings.SLUICE_UNJUDGED_MAX });
  onStop("watch over what waits for a judgement", backlog.stop);

  const pruning = setInterval(() => {
    // Twice the window, so that an instance whose clock is behind still knows every nonce that it would accept.
    pruneNonces(pool, now() - 2 * signatureWindowMs).catch((err) => logger.warn({ err }, "old nonces stay for now"));
  }, PRUNE_EVERY_MS);
  onStop("pruning of nonces", () => clearInterval(pruning));

  // Joining the consumers waits until a crashed instance is given up, so the door is open before that.
  const api = await openApi({
    ...{ pool, policies, sealer, trust: keys.trust, apiKeys: keys.apiKeys, screening, signatureWindowMs, now, logger },
    ...{ network, onRefused: metrics.refused, onAnswered: metrics.answered, isFull: backlog.isFull },
    limits: { requestsPerSecond: settings.SLUICE_API_REQUESTS_PER_SECOND, inHand: settings.SLUICE_API_IN_HAND },
  });
  onStop("public API", () => api.close());
  const address = await api.listen({ host: settings.SLUICE_API_HOST, port: settings.SLUICE_API_PORT });
  logger.info({ address, apiPort: Number(new URL(address).port) }, `the front door of ${name} is open`);

  await serve(service, {
    handlers: createHandlers(sealer, keys.apiKeys, now),
    ready: async () => [...(await policies.ready()), ...(await reports.ready())],
    routes: (http) => {
      reports.routes(http);
      http.get("/lost-withdrawals", () => listLost(pool));
    },
  });
});
