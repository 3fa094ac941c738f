// OKX's endpoints on a server of their own. Each request is authenticated before anything of it is read but its JSON, and answers in OKX's envelope.
import type { SluiceClient } from "@sluice/client";
import {
  createHttpServer,
  type FastifyReply,
  type FastifyRequest,
  type HttpServer,
  type HttpServerOptions,
  Problem,
} from "@sluice/http";
import { acceptedOf, currencyOf, envelope, recordOf, statusOf } from "./answers.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Permission, User } from "./config.ts";
import { findOwn, readPage } from "./history.ts";
import { asksForBitcoin, readCancellation, readHistory, readStatus, readWithdrawal } from "./parameters.ts";
import { type OkxRefusal, refuse } from "./refusals.ts";
import { refusalOf } from "./upstream.ts";
import { prefixOf, wdIdOf } from "./withdrawal-ids.ts";

export type Upstream = Pick<
  SluiceClient,
  "createWithdrawal" | "cancelWithdrawal" | "getWithdrawal" | "listWithdrawals" | "getFees"
>;

export type RouteOptions = {
  readonly authenticate: Authenticate;
  readonly client: Upstream;
  /** Told of every answer's code, for metrics. */
  readonly onCode: (code: string) => void;
};

type Work = (user: User, request: FastifyRequest) => Promise<readonly object[]>;

export async function openApi(options: HttpServerOptions & RouteOptions): Promise<HttpServer> {
  const server = await createHttpServer({
    bodyLimitBytes: 16 * 1024,
    overload: { maxEventLoopDelayMs: 2_000 },
    ...options,
  });
  await addRoutes(server, options);
  return server;
}

async function addRoutes(server: HttpServer, { authenticate, client, onCode }: RouteOptions): Promise<void> {
  await server.register(
    async (okx) => {
      okx.setErrorHandler((error, request, reply) => refused(error, request, reply));
      okx.setNotFoundHandler((request, reply) => refused(refuse("ENDPOINT_UNKNOWN"), request, reply));

      const route = (method: "GET" | "POST", url: string, permission: Permission, work: Work) =>
        okx.route({
          ...{ method, url, exposeHeadRoute: false },
          handler: async (request) => {
            const user = await authenticate(request, permission);
            if (method === "POST" && request.body === undefined) throw refuse("BODY_EMPTY");
            const data = await work(user, request);
            onCode("0");
            return envelope(data);
          },
        });

      route("POST", "/withdrawal", "withdraw", async (user, { body }) => {
        const { id, amountSat: amount, address, maxFee } = readWithdrawal(body, user);
        const { account, maxWithdrawalSat } = user;
        // What was accepted before the limit was lowered is not refused to whoever asks for it again.
        if (amount > maxWithdrawalSat && (await findOwn(client, user, id)) === undefined)
          throw refuse("AMOUNT_TOO_LARGE");
        const stored = await client.createWithdrawal({
          ...{ id, account, asset: "BTC", amount, address },
          ...(maxFee === undefined ? {} : { maxFee }),
        });
        return [acceptedOf(stored, user)];
      });

      route("POST", "/cancel-withdrawal", "withdraw", async (user, { body }) => {
        const id = readCancellation(body);
        const found = await findOwn(client, user, id);
        if (found === undefined) throw refuse("WITHDRAWAL_UNKNOWN");
        // What another key requested for this account is shown here, and stopped by that key.
        if (!id.startsWith(prefixOf(user.name))) throw refuse("NOT_YOURS_TO_CANCEL");
        if (found.state === "cancelled") throw refuse("ALREADY_CANCELED");
        await client.cancelWithdrawal(id);
        return [{ wdId: wdIdOf(id) }];
      });

      route("GET", "/withdrawal-history", "read", async (user, { query }) =>
        (await readPage(client, user, readHistory(query, user))).map((each) => recordOf(each, user)),
      );

      route("GET", "/deposit-withdraw-status", "read", async (user, { query }) => {
        const id = readStatus(query);
        const found = id === null ? undefined : await findOwn(client, user, id);
        if (found === undefined) throw refuse("WITHDRAWAL_UNKNOWN");
        return [statusOf(found)];
      });

      route("GET", "/currencies", "read", async (user, { query }) =>
        asksForBitcoin(query) ? [currencyOf(await client.getFees("BTC"), user)] : [],
      );
    },
    { prefix: "/api/v5/asset" },
  );

  function refused(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refusal = ofServer(error) ?? refusalOf(error);
    // What was sent is at fault, or this side is: only the second is for somebody to look at.
    if (refusal.reason === "OUTCOME_UNKNOWN")
      request.log.error({ err: error }, "what became of a request is not known");
    onCode(refusal.code);
    return reply.code(refusal.status).send({ code: refusal.code, msg: refusal.message, data: [] });
  }
}

/** What the server itself refuses before a route is asked; null for everything else. */
function ofServer(error: unknown): OkxRefusal | null {
  const { code = "", statusCode = 500 } = error instanceof Error ? (error as Partial<Problem>) : {};
  if (!(error instanceof Problem) && !code.startsWith("FST_ERR_")) return null;
  if (statusCode === 413) return refuse("PARAMETER", "body");
  if (statusCode === 415) return refuse("CONTENT_TYPE");
  if (statusCode === 429) return refuse("RATE_LIMITED");
  if (code === "OVERLOADED" || code === "STOPPING") return refuse("BUSY");
  return statusCode < 500 ? refuse("JSON_MALFORMED") : refuse("OUTCOME_UNKNOWN");
}
