// The public API: each request is signed, its nonce is spent in the transaction that does its work, and shapes are shared.

import {
  feeQuotesSchema,
  listQuerySchema,
  problemSchema,
  withdrawalListSchema,
  withdrawalSchema,
} from "@sluice/client/api";
import { failureRequestSchema, withdrawalIdSchema, withdrawalRequestSchema } from "@sluice/contracts";
import { decide, ok, parseAsset, type Result, type WithdrawalCommand } from "@sluice/core";
import {
  type ApiKey,
  type ApiRefusal,
  authenticate,
  type Caller,
  type Gate,
  isSameHand,
  problemOf,
  refuse,
  type Scope,
} from "@sluice/gate";
import {
  type AnsweredRequest,
  createHttpServer,
  type FastifyRequest,
  type HttpServer,
  type HttpServerOptions,
} from "@sluice/http";
import { quoteAll } from "@sluice/online-rules";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import { apply, sayFailed } from "@sluice/progress";
import { alarmsNow } from "@sluice/report-watch";
import {
  listWithdrawals,
  lockWithdrawal,
  readEstimates,
  readWhole,
  type Stored,
  spendNonce,
} from "@sluice/risk-memory";
import { z } from "zod";
import { type Acceptance, accept } from "./accept.ts";
import { detailsOf, feesOf, summaryOf } from "./view.ts";

export type ApiOptions = Gate &
  Acceptance & {
    readonly pool: Pool;
    readonly logger: HttpServerOptions["logger"];
    readonly onRefused: (code: string) => void;
    readonly onAnswered: (answered: AnsweredRequest) => void;
  };

/** The server with its routes, not yet listening. Health and metrics proper are on the internal address only. */
export async function openApi(options: ApiOptions): Promise<HttpServer> {
  const server = await createHttpServer({
    ...{ logger: options.logger, bodyLimitBytes: 16 * 1024 },
    ...{ rateLimit: { max: 1_000, windowMs: 1_000 }, overload: { maxEventLoopDelayMs: 2_000 } },
    openapi: { title: "Sluice withdrawals", version: "1", description: SIGNING },
    onAnswered: options.onAnswered,
  });
  addRoutes(server, options);
  return server;
}

function addRoutes(server: HttpServer, options: ApiOptions): void {
  const { pool, policy, now, sealer, apiKeys, onRefused } = options;
  const callers = new WeakMap<FastifyRequest, Caller>();
  const problems = { "4xx": problemSchema, "5xx": problemSchema };
  const params = z.object({ id: withdrawalIdSchema });

  server.post(
    "/v1/withdrawals",
    {
      preValidation: asks("withdraw"),
      // The body is read from the signed bytes by the same function as in the semi-offline zone; the schema documents it.
      attachValidation: true,
      schema: {
        summary: "Request a withdrawal",
        description: ACCEPTING,
        body: withdrawalRequestSchema,
        response: { 202: withdrawalSchema, ...problems },
      },
    },
    async (request, reply) => {
      const answer = await answered(request, async (tx, caller) => {
        const accepted = await accept(tx, options, caller);
        return accepted.ok ? known(tx, accepted.value, caller.key) : accepted;
      });
      return reply.code(202).header("location", `/v1/withdrawals/${answer.id}`).send(answer);
    },
  );

  server.get(
    "/v1/withdrawals/:id",
    {
      preValidation: asks("read"),
      schema: {
        summary: "One withdrawal, with everything about it",
        params,
        response: { 200: withdrawalSchema, ...problems },
      },
    },
    async (request) => answered(request, (tx, { key }) => known(tx, request.params.id, key)),
  );

  server.get(
    "/v1/withdrawals",
    {
      preValidation: asks("read"),
      schema: {
        summary: "Withdrawals, newest first",
        querystring: listQuerySchema,
        response: { 200: withdrawalListSchema, ...problems },
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        const found = await listWithdrawals(tx, request.query, key.accounts);
        const page = found.slice(0, request.query.limit);
        const last = found.length > page.length ? page.at(-1) : undefined;
        return ok({ withdrawals: page.map(summaryOf), nextCursor: last === undefined ? null : String(last.number) });
      }),
  );

  server.get(
    "/v1/fees/:asset",
    {
      preValidation: asks("read"),
      schema: {
        summary: "What a withdrawal is quoted now, for each priority",
        params: z.object({ asset: z.string().min(1).max(16) }),
        response: { 200: feeQuotesSchema, ...problems },
      },
    },
    async (request) =>
      answered(request, async (tx) => {
        const asset = parseAsset(request.params.asset);
        if (!asset.ok) return refuse(404, asset.refusal.code, asset.refusal.detail);
        return ok(feesOf(asset.value, quoteAll(policy.fees[asset.value], await readEstimates(tx), now())));
      }),
  );

  server.post(
    "/v1/withdrawals/:id/cancel",
    {
      preValidation: asks("withdraw"),
      schema: { summary: "Cancel before the clearance", params, response: { 200: withdrawalSchema, ...problems } },
    },
    async (request) => answered(request, (tx, caller) => commanded(tx, request.params.id, caller, "cancel")),
  );

  server.post(
    "/v1/withdrawals/:id/approvals",
    {
      preValidation: asks("approve"),
      schema: {
        summary: "Approve a held withdrawal",
        description:
          "Each key, and each person, counts once, and nobody approves what the same key or person requested.",
        params,
        response: { 200: withdrawalSchema, ...problems },
      },
    },
    async (request) => answered(request, (tx, caller) => commanded(tx, request.params.id, caller, "approve")),
  );

  server.post(
    "/v1/withdrawals/:id/failure",
    {
      preValidation: asks("fail"),
      schema: {
        ...{ summary: "Say that a withdrawal has failed", description: FAILING, params, body: failureRequestSchema },
        response: { 200: withdrawalSchema, ...problems },
      },
    },
    async (request) =>
      answered(request, async (tx, { key, signed }) => {
        const { id } = request.params;
        const stored = await lockWithdrawal(tx, id);
        if (stored === undefined || !isVisible(stored, key)) return unknown(id);
        // A report that is missing may be of a transaction that is signed for it.
        const [alarm] = await alarmsNow(tx, policy, now());
        if (alarm !== undefined) return refuse(409, alarm.code, alarm.detail);
        const nowMs = Math.max(now(), stored.changedAtMs);
        const said = await sayFailed(tx, options, stored, { key, signed, asked: request.body, nowMs });
        return said.ok ? known(tx, id, key) : said;
      }),
  );

  function asks(scope: Scope) {
    return async (request: FastifyRequest): Promise<void> => {
      callers.set(request, unlessRefused(authenticate(options, request, scope)));
    };
  }

  /** A refusal is committed, and spends the nonce; a failure is rolled back, and spends nothing. */
  async function answered<T>(request: FastifyRequest, work: Work<T>): Promise<T> {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error("a route answers without having asked who calls");
    const result = await transaction(pool, async (tx): Promise<Result<T, ApiRefusal>> => {
      const isNew = await spendNonce(tx, caller.key.keyId, caller.nonce, caller.createdAtMs);
      return isNew ? work(tx, caller) : refuse(401, "SIGNATURE_REPLAYED", "this nonce was used before");
    });
    return unlessRefused(result);
  }

  async function commanded(tx: Transaction, id: string, { key }: Caller, type: "cancel" | "approve") {
    const stored = await lockWithdrawal(tx, id);
    if (stored === undefined || !isVisible(stored, key)) return unknown(id);
    // The last approval clears, and nothing is cleared while reports are missing.
    const [alarm] = type === "approve" ? await alarmsNow(tx, policy, now()) : [];
    if (alarm !== undefined) return refuse(409, alarm.code, alarm.detail);
    if (type === "approve") {
      const inOneHand = (keyId: string) => keyId !== key.keyId && isSameHand(apiKeys, keyId, key.keyId);
      if (isSameHand(apiKeys, stored.keyId, key.keyId)) return refuse(403, "OWN_REQUEST", OWN_REQUEST);
      if (stored.approvedBy.some(inOneHand)) return refuse(403, "SAME_PERSON", SAME_PERSON);
    }
    const command: WithdrawalCommand = { type, nowMs: Math.max(now(), stored.changedAtMs), by: key.keyId };
    const decided = decide(command, stored);
    if (!decided.ok) return { ok: false, refusal: { status: 409, ...decided.refusal } } as const;
    await apply(tx, sealer, stored, decided.value);
    return known(tx, id, key);
  }

  function unlessRefused<T>(result: Result<T, ApiRefusal>): T {
    if (result.ok) return result.value;
    onRefused(result.refusal.code);
    throw problemOf(result.refusal);
  }
}

const FAILING = `Two people say so, each with a key of their own, once the chain proves that it can never be paid: a transaction that
is not ours has spent what each of its own spends, and is final. Until then it is refused with the part of the proof that is
missing. It is for good, and the amount is owed to the customer again.`;
const OWN_REQUEST = "whoever requested it does not approve it";
const SAME_PERSON = "this person has approved it with another key";

type Work<T> = (tx: Transaction, caller: Caller) => Promise<Result<T, ApiRefusal>>;

const SIGNING = `Every request is signed with an Ed25519 key (RFC 9421), under the label sluice, over @method, @authority,
@path and @query, and with a body also content-type and content-digest (RFC 9530, sha-256), with the parameters created,
nonce, keyid, alg="ed25519" and tag="sluice-withdrawal-v1" in this order. A nonce is used once.`;

const ACCEPTING = `The answer comes after the withdrawal is stored. The id is the idempotency key: the same id with the same
body, byte for byte, is answered with the withdrawal as it stands; with any other body it is refused with
WITHDRAWAL_ID_REUSED, for ever.`;

async function known(tx: Transaction, id: string, key: ApiKey) {
  const whole = await readWhole(tx, id);
  return whole === undefined || !isVisible(whole.stored, key) ? unknown(id) : ok(detailsOf(whole));
}

/** To a key that may not see an account, its withdrawals do not exist. */
function isVisible({ account }: Stored, { accounts }: ApiKey): boolean {
  return accounts === null || accounts.includes(account);
}

function unknown(id: string) {
  return refuse(404, "WITHDRAWAL_UNKNOWN", `${id} is not known here`);
}
