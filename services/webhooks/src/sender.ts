// Sends what is due: claims it, posts it, and writes down what came of it. Nothing is posted inside a transaction.
import { createPoster, type PostOutcome } from "@sluice/guarded-post";
import { listen, type Pool } from "@sluice/postgres";
import { type Lifecycle, type Metrics, startRounds } from "@sluice/runtime";
import type { Endpoint } from "./config.ts";
import type { Health, Rules } from "./patience.ts";
import { signedHeaders } from "./sign.ts";
import {
  type Attempted,
  CHANNEL,
  type Claim,
  claimDeliveries,
  dueEndpoints,
  type Settled,
  settleAttempt,
} from "./store.ts";

export type SenderOptions = {
  readonly pool: Pool;
  readonly life: Lifecycle;
  readonly metrics: Metrics;
  readonly endpoints: readonly Endpoint[];
  readonly rules: Rules;
  readonly timeoutMs: number;
  readonly poster: Omit<Parameters<typeof createPoster>[0], "timeoutMs" | "keptBytes">;
};

export type Sender = { readonly health: () => { readonly ok: boolean; readonly detail: string } };

/** How often it looks without having been told. */
const LOOK_EVERY_MS = 1_000;
const KEPT_BYTES = 512;
/** Beyond the time of an attempt: for a slow database. After a crash a delivery waits for so long. */
const LEASE_MARGIN_MS = 5_000;

export async function startSender(options: SenderOptions): Promise<Sender> {
  const { pool, life, endpoints, timeoutMs } = options;
  const poster = createPoster({ ...options.poster, timeoutMs, keptBytes: KEPT_BYTES });
  const count = countAttempts(options.metrics);
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const leaseMs = timeoutMs + LEASE_MARGIN_MS;
  const onTheirWay = new Set<Promise<void>>();

  const rounds = startRounds({
    everyMs: LOOK_EVERY_MS,
    logger: life.logger,
    round: async () => {
      for (const name of await dueEndpoints(pool, [...byName.keys()])) {
        const endpoint = byName.get(name);
        if (endpoint === undefined || life.stopping.aborted) continue;
        const claimedAtMs = performance.now();
        for (const claim of await claimDeliveries(pool, name, endpoint.atOnce, leaseMs)) {
          const sending = send(endpoint, claim, claimedAtMs).finally(() => {
            onTheirWay.delete(sending);
            rounds.wake();
          });
          onTheirWay.add(sending);
        }
      }
    },
  });
  const listener = await listen(pool, CHANNEL, rounds.wake);
  life.onStop("webhooks", async () => {
    await listener.close();
    await rounds.stop();
    await Promise.all(onTheirWay);
    poster.close();
  });
  return { health: rounds.health };

  async function send(endpoint: Endpoint, claim: Claim, claimedAtMs: number): Promise<void> {
    // This process may have stood still for longer than its lease: then the delivery is somebody else's by now.
    if (performance.now() - claimedAtMs > LEASE_MARGIN_MS) return;
    const headers = {
      "content-type": "application/json",
      "user-agent": "sluice-webhooks",
      ...signedHeaders(endpoint.keys, claim.webhookId, Date.now(), claim.body),
    };
    const attempted = attemptedOf(await poster.post(endpoint.url, headers, claim.body));
    count(endpoint.name, attempted);
    try {
      tell(endpoint.name, claim, attempted, await settleAttempt(pool, endpoint.name, claim, attempted, options.rules));
    } catch (error) {
      life.logger.warn(
        { err: error, ...naming(endpoint.name, claim) },
        "an attempt could not be written down; it is made again",
      );
    }
  }

  function tell(endpoint: string, claim: Claim, attempted: Attempted, { before, after, fate }: Settled): void {
    const { code, status, durationMs } = attempted;
    const what = { ...naming(endpoint, claim), code, status, durationMs };
    if (attempted.ok) life.logger.debug(what, "a webhook was delivered");
    else life.logger.warn(what, "a webhook was not taken");
    if (fate === "exhausted") life.logger.error(what, "ALARM: a webhook is given up; it is sent again by hand only");
    tellHealth(endpoint, before, after);
  }

  function tellHealth(endpoint: string, before: Health, after: Health): void {
    if (before.state === after.state) return;
    const what = { endpoint, failures: after.failures, because: after.because };
    if (after.state === "disabled") life.logger.error(what, "ALARM: an endpoint of webhooks is disabled");
    else if (after.state === "failing") life.logger.warn(what, "an endpoint of webhooks takes nothing now");
    else life.logger.info(what, "an endpoint of webhooks takes what it is sent again");
  }
}

function naming(endpoint: string, { webhookId }: Claim) {
  return { endpoint, webhookId };
}

function attemptedOf(outcome: PostOutcome): Attempted {
  const { durationMs } = outcome;
  if (outcome.kind === "failed") {
    const { code, detail: answer } = outcome;
    return { ok: false, gone: false, retryAfterMs: null, code, status: null, durationMs, answer };
  }
  const { status, answer, retryAfterMs } = outcome;
  const ok = status >= 200 && status <= 299;
  return { ok, gone: status === 410, retryAfterMs, code: ok ? "DELIVERED" : "REFUSED", status, durationMs, answer };
}

function countAttempts(metrics: Metrics): (endpoint: string, attempted: Attempted) => void {
  const attempts = metrics.counter({
    name: "sluice_webhook_attempts_total",
    help: "Attempts to deliver a webhook, by what came of them.",
    labels: ["endpoint", "code"],
  });
  const seconds = metrics.histogram({
    name: "sluice_webhook_attempt_seconds",
    help: "From an attempt's beginning to the end of its answer.",
    labels: ["endpoint"],
  });
  return (endpoint, { code, durationMs }) => {
    attempts.inc({ endpoint, code });
    seconds.observe({ endpoint }, durationMs / 1_000);
  };
}
