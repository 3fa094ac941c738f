// The door that every route of the public API goes through: who calls, that the nonce is new, and how it is refused.
// A package brings its routes as a RouteGroup; the service lists the groups.
import type { Result } from "@sluice/core";
import { type FastifyReply, type FastifyRequest, type HttpServer, Problem, SERVER_PROBLEMS } from "@sluice/http";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import type { Scope } from "./api-keys.ts";
import { authenticate, type Caller, type Gate } from "./authenticate.ts";
import { spendNonce } from "./nonces.ts";
import { createLimiter, rateLimitHeaders } from "./rate-limit.ts";
import { type ApiRefusal, problemOf, refuse } from "./refusal.ts";

export type DoorOptions = Gate & {
  readonly pool: Pool;
  /** Told of every refusal's code, for metrics. */
  readonly onRefused: (code: string) => void;
};

/** What a route does in the transaction that also spends the nonce. */
export type Work<T> = (tx: Transaction, caller: Caller) => Promise<Result<T, ApiRefusal>>;

export type Door = {
  readonly server: HttpServer;
  /** As `preValidation` of a route: only a key with this scope comes further. Every route has it. */
  readonly asks: (scope: Scope) => (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /**
   * Does the work in one transaction and resolves to its value. A refusal is committed, and spends the nonce; a failure is
   * rolled back, and spends nothing.
   */
  readonly answered: <T>(request: FastifyRequest, work: Work<T>) => Promise<T>;
};

/** Adds routes to the API. Called once, before the server listens; also called only to describe the API, so it does nothing else. */
export type RouteGroup = (door: Door) => void;

export function openDoor(server: HttpServer, options: DoorOptions): Door {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const limiter = createLimiter();
  return { server, asks, answered };

  function asks(scope: Scope) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const caller = unlessRefused(authenticate(options, request, scope));
      callers.set(request, caller);
      charge(caller, reply, 1);
    };
  }

  /** Only what the key's holder sends from where the key may be used counts, so that nobody else can use up its limit. */
  function charge({ key }: Caller, reply: FastifyReply, requests: number): void {
    const taken = limiter.take(key.keyId, key.rateLimit, requests);
    const headers = rateLimitHeaders(key.rateLimit, taken);
    void reply.headers(headers);
    if (taken.isTaken) return;
    options.onRefused(SERVER_PROBLEMS.RATE_LIMITED.code);
    throw new Problem({ ...SERVER_PROBLEMS.RATE_LIMITED, detail: `Again in ${headers["retry-after"]} s`, headers });
  }

  async function answered<T>(request: FastifyRequest, work: Work<T>): Promise<T> {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error("a route answers without having asked who calls");
    const result = await transaction(options.pool, async (tx): Promise<Result<T, ApiRefusal>> => {
      const isNew = await spendNonce(tx, caller.key.keyId, caller.nonce, caller.createdAtMs);
      return isNew ? work(tx, caller) : refuse(401, "SIGNATURE_REPLAYED", "this nonce was used before");
    });
    return unlessRefused(result);
  }

  function unlessRefused<T>(result: Result<T, ApiRefusal>): T {
    if (result.ok) return result.value;
    options.onRefused(result.refusal.code);
    throw problemOf(result.refusal);
  }
}
