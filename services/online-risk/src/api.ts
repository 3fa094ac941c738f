// The public API: a server with the door that every route goes through, and the groups of routes that packages bring.
import { destinationRoutes } from "@sluice/destinations";
import { type DoorOptions, openDoor, type RouteGroup, SIGNATURE_SCHEME } from "@sluice/gate";
import { type AnsweredRequest, createHttpServer, type HttpServer, type HttpServerOptions } from "@sluice/http";
import { type PolicyRouteOptions, policyRoutes } from "@sluice/policy-versions";
import { type ScreeningRouteOptions, screeningRoutes } from "@sluice/screening-routes";
import { signalRoutes } from "@sluice/signal-memory";
import { suspensionRoutes } from "@sluice/suspensions";
import { type WithdrawalRouteOptions, withdrawalRoutes } from "@sluice/withdrawal-routes";

export type ApiOptions = DoorOptions &
  WithdrawalRouteOptions &
  PolicyRouteOptions &
  ScreeningRouteOptions & {
    readonly logger: HttpServerOptions["logger"];
    readonly onAnswered: (answered: AnsweredRequest) => void;
    readonly limits: ApiLimits;
  };

export type ApiLimits = {
  /** Of each address. */
  readonly requestsPerSecond: number;
  /** Worked on at once. */
  readonly inHand: number;
};

/** Every group of routes of the API. Who brings one adds it here. */
function routeGroups(options: ApiOptions): readonly RouteGroup[] {
  return [
    withdrawalRoutes(options),
    destinationRoutes(options),
    signalRoutes(options),
    screeningRoutes(options),
    suspensionRoutes(options),
    policyRoutes(options),
  ];
}

/** The server with its routes, not yet listening. Health and metrics proper are on the internal address only. */
export async function openApi(options: ApiOptions): Promise<HttpServer> {
  const server = await createHttpServer({
    ...{ logger: options.logger, bodyLimitBytes: 16 * 1024 },
    rateLimit: { max: options.limits.requestsPerSecond, windowMs: 1_000 },
    overload: { maxEventLoopDelayMs: 2_000, maxInHand: options.limits.inHand },
    openapi: { title: "Sluice withdrawals", version: "1", securitySchemes: { signature: SIGNATURE_SCHEME } },
    onAnswered: options.onAnswered,
  });
  const door = openDoor(server, options);
  for (const addRoutes of routeGroups(options)) addRoutes(door);
  return server;
}
