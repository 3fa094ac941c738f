// Starts a server with a few routes on a free port for one test, and asks it over real connections.
import { once } from "node:events";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { createHttpServer, type HttpServer, type HttpServerOptions, problem, z } from "../src/index.ts";
import { collectedLog, type LogLine } from "./collected-log.ts";

export type Serving = {
  readonly server: HttpServer;
  readonly address: string;
  readonly port: number;
  readonly lines: readonly LogLine[];
};

const thing = z.strictObject({
  name: z.string().min(2).max(8),
  amount: z.string().regex(/^[0-9]+$/, "is decimal digits"),
  place: z.strictObject({ address: z.string(), kind: z.enum(["one", "two"]) }).optional(),
  count: z.number().int().max(9).optional(),
  checked: z
    .string()
    .refine((text) => text === "good", { error: "has a wrong checksum", params: { code: "ADDRESS_CHECKSUM" } })
    .optional(),
});

export async function serving(options: Partial<HttpServerOptions> = {}): Promise<Serving> {
  const { logger, lines } = collectedLog();
  const server = await createHttpServer({
    logger,
    metricsText: async () => "sluice_example_total 1\n",
    ready: async () => [{ name: "database", ok: true, detail: "answers" }],
    openapi: { title: "Example", version: "1" },
    ...options,
  });
  onTestFinished(() => server.close());
  addRoutes(server);
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  return { server, address, port: Number(new URL(address).port), lines };
}

function addRoutes(server: HttpServer): void {
  server.post(
    "/v1/things",
    { schema: { body: thing, response: { 202: z.strictObject({ bytes: z.string(), name: z.string() }) } } },
    async (request, reply) => reply.code(202).send({ bytes: request.rawBody.toString("hex"), name: request.body.name }),
  );
  server.get(
    "/v1/things/:id",
    {
      schema: {
        params: z.strictObject({ id: z.string().max(4) }),
        querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(100).optional() }),
      },
    },
    (request) => ({
      id: request.params.id,
      limit: request.query.limit ?? null,
      bytes: request.rawBody.length,
      from: request.ip,
    }),
  );
  server.delete("/v1/things/:id", () => {
    throw problem({
      status: 409,
      code: "NOT_CANCELLABLE",
      title: "It is too late",
      detail: "it is signing",
      more: { state: "signing" },
    });
  });
  server.get("/v1/failing", () => {
    throw new Error("postgres://app:MATERIAL@db said no");
  });
  server.get("/v1/rejecting", () =>
    Promise.reject(Object.assign(new Error("MATERIAL"), { statusCode: 404, code: "ENOENT" })),
  );
  server.get("/v1/throwing-no-error", () => {
    throw "MATERIAL";
  });
  server.get(
    "/v1/lying",
    { schema: { response: { 200: z.strictObject({ n: z.number() }) } } },
    async () => ({ n: "MATERIAL" }) as never,
  );
}

export type Body = string | Uint8Array<ArrayBuffer>;

/** Writes bytes as they are to the server and reads all that comes back. */
export async function sendRaw({ port }: Serving, bytes: string | Uint8Array): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  let answer = "";
  socket.setEncoding("utf8").on("data", (text) => {
    answer += text;
  });
  socket.on("error", () => {});
  socket.write(bytes);
  await once(socket, "close");
  return answer;
}

export function post(
  { address }: Serving,
  body: Body,
  contentType = "application/json",
  path = "/v1/things",
): Promise<Response> {
  return fetch(address + path, { method: "POST", body, headers: { "content-type": contentType } });
}
