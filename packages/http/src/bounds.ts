// What is bounded so that nobody can hold the server up: requests in hand at once, connections, how long one may arrive.
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem, SERVER_PROBLEMS } from "./problem.ts";

export type Bounds = {
  /** A request that has not arrived whole after this long is answered 408 and cut off; 30 s unless told. */
  readonly arriveWithinMs?: number;
  /** What is beyond it is not accepted; 10,000 unless told. */
  readonly maxConnections?: number;
};

/** For Fastify's own options. Node looks at the clock only so often, so a slow one has a quarter more at most. */
export function boundsOf({ arriveWithinMs = 30_000 }: Bounds) {
  return {
    requestTimeout: arriveWithinMs,
    http: { headersTimeout: arriveWithinMs, connectionsCheckingInterval: Math.ceil(arriveWithinMs / 4) },
  };
}

export function boundConnections(server: FastifyInstance, { maxConnections = 10_000 }: Bounds): void {
  server.server.maxConnections = maxConnections;
}

/**
 * Refuses with OVERLOADED while so many requests are in hand. One counts once it has arrived whole, so that whoever sends
 * slowly takes up nobody's place, and nothing is done for it before.
 */
export function boundRequests(
  server: FastifyInstance,
  maxInHand: number,
  isExempt: (request: FastifyRequest) => boolean,
): void {
  const inHand = new Set<FastifyRequest>();
  server.addHook("preValidation", async (request, reply) => {
    if (isExempt(request)) return;
    if (inHand.size >= maxInHand) throw new Problem(SERVER_PROBLEMS.OVERLOADED);
    inHand.add(request);
    // Also when the client went away before its answer.
    reply.raw.once("close", () => inHand.delete(request));
  });
  server.addHook("onResponse", async (request) => void inHand.delete(request));
}
