// okx-facade: speaks OKX's v5 withdrawal endpoints to backends that know them, and signs what they ask for with its own key. It holds
// nothing: whatever it is asked is in online-risk, or it is not.
import { createSluiceClient } from "@sluice/client";
import { createHttpServer, type Dependency } from "@sluice/http";
import { createMetrics, runProcess } from "@sluice/runtime";
import { createAuthenticate } from "./authenticate.ts";
import { readSettings } from "./config.ts";
import { openApi } from "./routes.ts";

runProcess("okx-facade", async (life) => {
  const { settings, own, keys } = readSettings(process.env);
  const { logger } = life;
  const client = createSluiceClient({
    ...{ baseUrl: settings.SLUICE_ONLINE_RISK_URL, ...own },
    // One try: what its end says is about it alone. The backend repeats, under the same clientId.
    ...{ tries: 1, tryTimeoutMs: settings.SLUICE_ONLINE_RISK_TIMEOUT_MS },
  });
  const metrics = createMetrics("okx-facade");
  const answers = metrics.counter({
    ...{ name: "sluice_okx_answers_total", help: "Answers by OKX's code; 50004: what became of it is not known." },
    labels: ["code"],
  });

  const trustProxy = settings.SLUICE_TRUSTED_PROXIES;
  const api = await openApi({
    ...{ logger, client, rateLimit: { max: 100, windowMs: 1_000 } },
    ...(trustProxy === undefined ? {} : { trustProxy }),
    authenticate: await createAuthenticate(keys, Date.now),
    onCode: (code) => answers.inc({ code }),
  });
  life.onStop("API", () => api.close());
  const address = await api.listen({ host: settings.SLUICE_API_HOST, port: settings.SLUICE_API_PORT });
  logger.info({ address, apiPort: Number(new URL(address).port) }, "OKX's endpoints are open");

  const http = await createHttpServer({
    logger,
    ready: async () => [await askOnlineRisk()],
    metricsText: () => metrics.text(),
  });
  life.onStop("internal HTTP", () => http.close());
  const internal = await http.listen({ host: settings.SLUICE_HTTP_HOST, port: settings.SLUICE_HTTP_PORT });
  logger.info({ address: internal, httpPort: Number(new URL(internal).port) }, "internal HTTP listens");

  /** A signed question: it is answered only where the key, its networks and the clocks are as they have to be. */
  async function askOnlineRisk(): Promise<Dependency> {
    try {
      await client.getFees("BTC");
      return { name: "online-risk", ok: true, detail: "it answers" };
    } catch (error) {
      return { name: "online-risk", ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }
});
