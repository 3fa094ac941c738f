// What a service says about itself: whether it lives, whether it can work, and its metrics.
import type { FastifyInstance } from "fastify";
import { Problem, SERVER_PROBLEMS } from "./problem.ts";

/** Something that the service needs in order to work: a database, a broker, a node, the other end of the bridge. */
export type Dependency = { readonly name: string; readonly ok: boolean; readonly detail: string };

/** A public port leaves both out, and then has neither path: what a service lacks and counts is nobody's business there. */
export type HealthOptions = {
  readonly ready?: () => Promise<readonly Dependency[]>;
  readonly metricsText?: () => Promise<string>;
};

/** These paths are never limited and hardly logged: whoever watches a service asks every few seconds. */
export const HEALTH_PATHS = ["/healthz", "/readyz", "/metrics"] as const;

export function answerHealth(server: FastifyInstance, { ready, metricsText }: HealthOptions): void {
  const route = { config: { rateLimit: false as const }, schema: { hide: true } };

  server.get("/healthz", route, async () => ({ status: "alive", uptimeSeconds: Math.round(process.uptime()) }));

  if (ready !== undefined) {
    server.get("/readyz", route, async () => {
      const dependencies = await readyWithin(ready, READY_WITHIN_MS);
      const missing = dependencies.filter(({ ok }) => !ok).map(({ name }) => name);
      if (missing.length === 0) return { status: "ready", dependencies };
      throw new Problem({ ...SERVER_PROBLEMS.NOT_READY, detail: missing.join(", "), more: { dependencies } });
    });
  }

  if (metricsText !== undefined) {
    server.get("/metrics", route, async (_, reply) => {
      return reply.type("text/plain; version=0.0.4; charset=utf-8").send(await metricsText());
    });
  }
}

const READY_WITHIN_MS = 3_000;

/** A dependency that does not answer whether it is there is not there. */
async function readyWithin(
  ready: NonNullable<HealthOptions["ready"]>,
  withinMs: number,
): Promise<readonly Dependency[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly Dependency[]>();
  const timer = setTimeout(
    () => resolve([{ name: "readiness", ok: false, detail: `no answer in ${withinMs} ms` }]),
    withinMs,
  );
  try {
    return await Promise.race([ready(), late]);
  } finally {
    clearTimeout(timer);
  }
}
