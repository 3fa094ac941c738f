// The door that every route of the public API goes through: who calls, that the nonce is new, and how it is refused.
// A package brings its routes as a RouteGroup; the service lists the groups.
import type { SignedRequest } from "@sluice/contracts";
import type { Result } from "@sluice/core";
import { type FastifyReply, type FastifyRequest, type HttpServer, Problem, SERVER_PROBLEMS } from "@sluice/http";
import { isRetriable, type Pool, type Transaction, transaction } from "@sluice/postgres";
import type { Scope } from "./api-keys.ts";
import { authenticate, type Caller, type Gate, verifySigned } from "./authenticate.ts";
import { spendNonces } from "./nonces.ts";
import { createLimiter, rateLimitHeaders } from "./rate-limit.ts";
import { type ApiRefusal, problemOf, refuse } from "./refusal.ts";
import { together } from "./together.ts";

export type DoorOptions = Gate & {
  readonly pool: Pool;
  /** Told of every refusal's code, for metrics. */
  readonly onRefused: (code: string) => void;
};

/** What a route does in the transaction that also spends the nonce. */
export type Work<T> = (tx: Transaction, caller: Caller) => Promise<Result<T, ApiRefusal>>;

/** The same for several callers in one transaction; resolves to a result for each, in their order. */
export type SharedWork<G, T> = (
  tx: Transaction,
  asked: readonly { readonly caller: Caller; readonly given: G }[],
) => Promise<readonly Result<T, ApiRefusal>[]>;

export type Door = {
  readonly server: HttpServer;
  /** As `preValidation` of a route: only a key with this scope comes further. Every route has it. */
  readonly asks: (scope: Scope) => (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /**
   * Does the work in one transaction and resolves to its value. A refusal is committed, and spends the nonce; a failure is
   * rolled back, and spends nothing.
   */
  readonly answered: <T>(request: FastifyRequest, work: Work<T>) => Promise<T>;
  /** As `answered`, for a route that many call at once: what comes together is done in one transaction. */
  readonly answeredTogether: <G, T>(work: SharedWork<G, T>) => (request: FastifyRequest, given: G) => Promise<T>;
  /** For a request that carries others, each signed by itself with the same key: the same for one of them. */
  readonly answeredItem: <T>(outer: Caller, item: SignedRequest, work: Work<T>) => Promise<Result<T, ApiRefusal>>;
  /** Counts this request as so many more of the key's limit; they are owed, and none is refused for it. */
  readonly charge: (caller: Caller, requests: number) => void;
};

/** Adds routes to the API. Called once, before the server listens; also called only to describe the API, so it does nothing else. */
export type RouteGroup = (door: Door) => void;

export function openDoor(server: HttpServer, options: DoorOptions): Door {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const limiter = createLimiter();
  return {
    server,
    asks,
    answered,
    answeredTogether,
    answeredItem,
    charge: ({ key }, requests) => void limiter.owe(key.keyId, key.rateLimit, requests),
  };

  function asks(scope: Scope) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const caller = unlessRefused(authenticate(options, request, scope));
      callers.set(request, caller);
      takeOne(caller, reply);
    };
  }

  /** Only what the key's holder sends from where the key may be used counts, so that nobody else can use up its limit. */
  function takeOne({ key }: Caller, reply: FastifyReply): void {
    const taken = limiter.take(key.keyId, key.rateLimit);
    const headers = rateLimitHeaders(key.rateLimit, taken);
    void reply.headers(headers);
    if (taken.isTaken) return;
    options.onRefused(SERVER_PROBLEMS.RATE_LIMITED.code);
    throw new Problem({ ...SERVER_PROBLEMS.RATE_LIMITED, detail: `Again in ${headers["retry-after"]} s`, headers });
  }

  async function answered<T>(request: FastifyRequest, work: Work<T>): Promise<T> {
    return unlessRefused(await once(callerOf(request), work));
  }

  function callerOf(request: FastifyRequest): Caller {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error("a route answers without having asked who calls");
    return caller;
  }

  function answeredTogether<G, T>(work: SharedWork<G, T>) {
    type Asked = Parameters<SharedWork<G, T>>[1][number];
    const ask = together(onceTogether, isRetriable);
    return async (request: FastifyRequest, given: G): Promise<T> => {
      const result = await ask({ caller: callerOf(request), given }).catch((error: unknown) => {
        throw unlessItPasses(error);
      });
      return unlessRefused(result);
    };

    async function onceTogether(asked: readonly Asked[]): Promise<readonly Result<T, ApiRefusal>[]> {
      // Awaited here, so that this is the place of the commit by name (crash points).
      return await transaction(options.pool, async (tx) => {
        const nonces = asked.map(({ caller: { key, nonce, createdAtMs } }) => ({
          ...{ keyId: key.keyId, nonce, createdAtMs },
        }));
        const areNew = await spendNonces(tx, nonces);
        const fresh = asked.filter((_, at) => areNew[at]);
        const done = (fresh.length === 0 ? [] : await work(tx, fresh)).values();
        return areNew.map((isNew): Result<T, ApiRefusal> => {
          const next = isNew ? done.next() : null;
          if (next === null) return refuse(401, "SIGNATURE_REPLAYED", "this nonce was used before");
          if (next.done) throw new Error("a result for each was expected");
          return next.value;
        });
      });
    }
  }

  async function answeredItem<T>(outer: Caller, item: SignedRequest, work: Work<T>): Promise<Result<T, ApiRefusal>> {
    const verified = verifySigned(options, item);
    if (!verified.ok) return verified;
    if (verified.value.key.keyId !== outer.key.keyId) {
      return refuse(401, "ITEM_KEY_DIFFERS", "it is signed with another key than the request that carries it");
    }
    return once(verified.value, work);
  }

  async function once<T>(caller: Caller, work: Work<T>): Promise<Result<T, ApiRefusal>> {
    try {
      // Awaited here, so that this is the place of the commit by name, whoever asks (crash points).
      return await transaction(options.pool, async (tx): Promise<Result<T, ApiRefusal>> => {
        const { key, nonce, createdAtMs } = caller;
        const [isNew] = await spendNonces(tx, [{ keyId: key.keyId, nonce, createdAtMs }]);
        return isNew ? work(tx, caller) : refuse(401, "SIGNATURE_REPLAYED", "this nonce was used before");
      });
    } catch (error) {
      throw unlessItPasses(error);
    }
  }

  function unlessRefused<T>(result: Result<T, ApiRefusal>): T {
    if (result.ok) return result.value;
    options.onRefused(result.refusal.code);
    throw problemOf(result.refusal);
  }
}

/** No connection is free for long, or the database is away: that passes, and the same request may come again. */
function unlessItPasses(error: unknown): unknown {
  return isRetriable(error) ? new Problem({ ...SERVER_PROBLEMS.NOT_READY, headers: AGAIN }) : error;
}

const AGAIN = { "retry-after": "1" };
