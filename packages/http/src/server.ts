// The HTTP server of a service: zod schemas for types, validation and OpenAPI; problem details for every refusal.
import { randomUUID } from "node:crypto";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import underPressure from "@fastify/under-pressure";
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { type Bounds, boundConnections, boundRequests, boundsOf } from "./bounds.ts";
import { answerHealth, HEALTH_PATHS, type HealthOptions } from "./health.ts";
import { addOpenApi, type OpenApiInfo } from "./openapi.ts";
import { Problem, SERVER_PROBLEMS } from "./problem.ts";
import { readJsonBodies } from "./raw-body.ts";
import { answerBrokenHttp, answerError, refuseWithProblems } from "./refusals.ts";
import { rememberRoutes } from "./routes.ts";
import { stopInOrder } from "./stopping.ts";
import { validatorCompiler } from "./validation.ts";

export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export type AnsweredRequest = {
  readonly method: string;
  /** The pattern of the route, not the path; "unknown" when there is none. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
};

export type HttpServerOptions = HealthOptions & {
  /** A pino logger. */
  readonly logger: FastifyBaseLogger;
  /** The largest body that is read; 64 KiB unless told. */
  readonly bodyLimitBytes?: number;
  /** Requests per window for each `key`, which is the client's address unless told. Counted in this process only. */
  readonly rateLimit?: {
    readonly max: number;
    readonly windowMs: number;
    readonly key?: (request: FastifyRequest) => string;
  };
  /** Answers 503 while the event loop is later than this, or while so many requests are in hand (500 unless told). */
  readonly overload?: { readonly maxEventLoopDelayMs: number; readonly maxInHand?: number };
  readonly bounds?: Bounds;
  /** Adds /v1/openapi.json, an OpenAPI 3.1 document of every route that has a schema and is not hidden. */
  readonly openapi?: OpenApiInfo;
  /** The proxies whose X-Forwarded-For is believed: addresses or networks. None unless told. */
  readonly trustProxy?: readonly string[];
  /** How long closing waits for requests in flight; 10 s unless told. */
  readonly finishWithinMs?: number;
  /** Told of every answer, for metrics. */
  readonly onAnswered?: (answered: AnsweredRequest) => void;
};

/**
 * A server that is ready to be given routes and then to listen. Routes are added after this promise has resolved;
 * closing it lets requests in flight finish, for a while.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server: HttpServer = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 64 * 1024,
    genReqId: () => randomUUID(),
    ...boundsOf(options.bounds ?? {}),
    forceCloseConnections: "idle",
    // Fastify's own answer while closing is no problem document; see stopInOrder.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    trustProxy: options.trustProxy === undefined ? false : [...options.trustProxy],
    clientErrorHandler: answerBrokenHttp,
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);

  const plain = server as unknown as FastifyInstance;
  const methodsOf = rememberRoutes(plain);
  readJsonBodies(plain);
  tellOfAnswers(plain, options.onAnswered ?? (() => {}));
  // TLS ends before this server, and an address without it (a local one) must stay reachable.
  await plain.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  boundConnections(plain, options.bounds ?? {});
  if (options.overload !== undefined) {
    await plain.register(underPressure, overloadOptions(options.overload));
    boundRequests(plain, options.overload.maxInHand ?? 500, isHealth);
  }
  if (options.rateLimit !== undefined) await plain.register(rateLimit, rateLimitOptions(options.rateLimit));
  if (options.openapi !== undefined) await addOpenApi(plain, options.openapi);
  refuseWithProblems(plain, methodsOf);
  stopInOrder(plain, options.finishWithinMs ?? 10_000);
  answerHealth(plain, options);
  return server;
}

function overloadOptions({ maxEventLoopDelayMs }: NonNullable<HttpServerOptions["overload"]>) {
  return {
    maxEventLoopDelay: maxEventLoopDelayMs,
    pressureHandler: async (request: FastifyRequest) => {
      if (!isHealth(request)) throw new Problem(SERVER_PROBLEMS.OVERLOADED);
    },
  };
}

const NO_HEADERS = { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false };

function rateLimitOptions({ max, windowMs, key }: NonNullable<HttpServerOptions["rateLimit"]>) {
  return {
    max,
    timeWindow: windowMs,
    // Its own headers are of no standard; Retry-After stays.
    addHeaders: NO_HEADERS,
    addHeadersOnExceeding: NO_HEADERS,
    ...(key === undefined ? {} : { keyGenerator: key }),
    errorResponseBuilder: (_: FastifyRequest, { after }: { readonly after: string }) =>
      new Problem({ ...SERVER_PROBLEMS.RATE_LIMITED, detail: `Again in ${after}` }),
  };
}

function tellOfAnswers(server: FastifyInstance, onAnswered: (answered: AnsweredRequest) => void): void {
  server.addHook("onResponse", async (request, reply) => {
    const answered: AnsweredRequest = {
      method: request.method,
      route: request.routeOptions.url ?? "unknown",
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1_000,
    };
    onAnswered(answered);
    const level = isHealth(request) ? "debug" : "info";
    request.log[level]({ ...answered, clientAddress: request.ip }, "answered");
  });
}

function isHealth({ routeOptions }: FastifyRequest): boolean {
  return (HEALTH_PATHS as readonly (string | undefined)[]).includes(routeOptions.url);
}
