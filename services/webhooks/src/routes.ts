// For operators: how endpoints are, what was sent when and what was answered, and sending it again.
import { type HttpServer, problem, z } from "@sluice/http";
import type { Pool } from "@sluice/postgres";
import type { Lifecycle } from "@sluice/runtime";
import type { Endpoint } from "./config.ts";
import { resendDeliveries, switchEndpoint } from "./store-by-hand.ts";
import { listDeliveries, listEndpoints } from "./store-views.ts";

const query = z.strictObject({
  withdrawal: z.string().min(1).max(256).optional(),
  endpoint: z.string().min(1).max(64).optional(),
  state: z.enum(["waiting", "delivered", "exhausted"]).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const by = z.string().min(1).max(64);
const sequence = z.number().int().min(1);
const resend = z.union([
  z.strictObject({ endpoint: z.string(), id: z.string().min(1).max(64), by }),
  z
    .strictObject({ endpoint: z.string(), from: sequence, to: sequence, series: z.iso.datetime().optional(), by })
    .refine(({ from, to }) => from <= to, "is from the lower number to the higher one"),
]);
const named = z.object({ endpoint: z.string().min(1).max(64), to: z.enum(["enable", "disable"]) });

export function addRoutes(http: HttpServer, pool: Pool, { logger }: Lifecycle, endpoints: readonly Endpoint[]): void {
  const unknown = (endpoint: string) =>
    problem({
      status: 404,
      code: "ENDPOINT_UNKNOWN",
      title: "There is no such endpoint",
      detail: `${endpoint} is unknown.`,
    });

  http.get("/endpoints", async () => ({
    endpoints: (await listEndpoints(pool)).map(({ lastSequence, waiting, exhausted, ...endpoint }) => ({
      ...endpoint,
      // Null: it is in the database, and no more in the file.
      url: endpoints.find(({ name }) => name === endpoint.name)?.url ?? null,
      lastSequence: Number(lastSequence),
      waiting: Number(waiting),
      exhausted: Number(exhausted),
    })),
  }));

  http.get("/deliveries", { schema: { querystring: query } }, async (request) => ({
    deliveries: (await listDeliveries(pool, request.query)).map((delivery) => ({
      ...delivery,
      sequence: Number(delivery.sequence),
    })),
  }));

  http.post("/resend", { schema: { body: resend } }, async ({ body }) => {
    const what =
      "id" in body
        ? { id: body.id }
        : {
            from: BigInt(body.from),
            to: BigInt(body.to),
            ...(body.series === undefined ? {} : { series: new Date(body.series) }),
          };
    const deliveries = await resendDeliveries(pool, body.endpoint, what);
    if (deliveries === null) throw unknown(body.endpoint);
    logger.warn({ ...body, deliveries }, "webhooks are sent again by hand");
    return { endpoint: body.endpoint, deliveries };
  });

  http.post(
    "/endpoints/:endpoint/:to",
    { schema: { params: named, body: z.strictObject({ by }) } },
    async ({ params: { endpoint, to }, body }) => {
      if (!(await switchEndpoint(pool, endpoint, `${to}d`))) throw unknown(endpoint);
      logger.warn({ endpoint, by: body.by }, `an endpoint of webhooks was ${to}d by hand`);
      return { endpoint, state: to === "enable" ? "healthy" : "disabled" };
    },
  );
}
