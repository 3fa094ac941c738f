// The routes of withdrawals: request, read, list, quote, cancel, approve, fail. What each may answer stands in its schema.
import { parseAddress } from "@sluice/chains";
import {
  feeQuotesSchema,
  listQuerySchema,
  type WithdrawalDetails,
  withdrawalListSchema,
  withdrawalSchema,
} from "@sluice/client/api";
import {
  approvalRequestSchema,
  failureRequestSchema,
  withdrawalIdSchema,
  withdrawalRequestSchema,
} from "@sluice/contracts";
import { ok, parseAsset, type Result } from "@sluice/core";
import { type ApiKey, type ApiRefusal, type Door, type RouteGroup, refuse, refuseFields, signed } from "@sluice/gate";
import type { FastifyRequest } from "@sluice/http";
import { expectQuoted, expectUnderway, quoteAll, quoteFee } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import { listWithdrawals, oldestUnsignedAtMs, readEstimates, readWhole } from "@sluice/risk-memory";
import { z } from "zod";
import { type Acceptance, acceptAll, unlessFull } from "./accept.ts";
import { bulk } from "./bulk.ts";
import { type Commanding, commanded, failed, isVisible, unknown } from "./commands.ts";
import { ACCEPTANCE, ACCEPTING, ADDRESSES, ALARMS, APPROVING, FAILING, PROOFS } from "./texts.ts";
import { detailsOf, feesOf, receivedOf, summaryOf } from "./view.ts";

export type WithdrawalRouteOptions = Acceptance & Commanding;

export function withdrawalRoutes(options: WithdrawalRouteOptions): RouteGroup {
  return (door) => {
    request(door, options);
    read(door, options);
    command(door, options);
    bulk(door, options);
  };
}

const params = z.object({ id: withdrawalIdSchema });

function request({ server, asks, answeredTogether }: Door, options: WithdrawalRouteOptions): void {
  const accepting = answeredTogether<string | undefined, WithdrawalDetails>(async (tx, asked) => {
    const all = asked.map(({ caller, given: idempotencyKey }) => ({ caller, idempotencyKey }));
    const accepted = await acceptAll(tx, options, all);
    const answers: Result<WithdrawalDetails, ApiRefusal>[] = [];
    for (const [at, one] of accepted.entries()) {
      const caller = all[at]?.caller;
      if (caller === undefined) throw new Error("an answer that nobody asked for");
      if (!one.ok) answers.push(one);
      else if (one.value.stored !== null) answers.push(ok(receivedOf(one.value.stored, caller.signed.body)));
      else answers.push(await known(tx, one.value.id, caller.key));
    }
    return answers;
  });

  server.post(
    "/v1/withdrawals",
    {
      preValidation: [unlessFull(options), asks("withdraw")],
      // The body is read from the signed bytes by the same function as in the semi-offline zone; the schema documents it.
      attachValidation: true,
      schema: {
        operationId: "createWithdrawal",
        summary: "Request a withdrawal",
        description: ACCEPTING,
        body: withdrawalRequestSchema,
        response: { 202: withdrawalSchema },
        ...signed("withdraw", { 400: ["QUERY_UNEXPECTED"], ...ACCEPTANCE }),
      },
    },
    async (request, reply) => {
      const answer = await accepting(request, idempotencyKeyOf(request));
      return reply.code(202).header("location", `/v1/withdrawals/${answer.id}`).send(answer);
    },
  );
}

function read({ server, asks, answered }: Door, options: WithdrawalRouteOptions): void {
  server.get(
    "/v1/withdrawals/:id",
    {
      preValidation: asks("read"),
      schema: {
        operationId: "getWithdrawal",
        summary: "One withdrawal, with everything about it",
        params,
        response: { 200: withdrawalSchema },
        ...signed("read", { 404: ["WITHDRAWAL_UNKNOWN"] }),
      },
    },
    async (request) => answered(request, (tx, { key }) => underway(tx, options, request.params.id, key)),
  );

  server.get(
    "/v1/withdrawals",
    {
      preValidation: asks("read"),
      schema: {
        operationId: "listWithdrawals",
        summary: "Withdrawals, newest first",
        querystring: listQuerySchema,
        response: { 200: withdrawalListSchema },
        ...signed("read", { 422: ADDRESSES }),
      },
    },
    async (request) =>
      answered(request, async (tx, { key }) => {
        const { address, ...query } = request.query;
        const destination = address === undefined ? undefined : parseAddress(options.network, address);
        if (destination?.ok === false) {
          const { code, detail } = destination.refusal;
          return refuseFields(422, [{ field: "query.address", rule: detail, code }]);
        }
        const scriptPubKey = destination?.value.scriptPubKey;
        const found = await listWithdrawals(tx, { ...query, scriptPubKey }, key.accounts);
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
        operationId: "getFees",
        summary: "What a withdrawal is quoted now, for each priority",
        params: z.object({ asset: z.string().min(1).max(16) }),
        response: { 200: feeQuotesSchema },
        ...signed("read", { 404: ["ASSET_UNKNOWN"] }),
      },
    },
    async (request) =>
      answered(request, async (tx) => {
        const asset = parseAsset(request.params.asset);
        if (!asset.ok) return refuse(404, asset.refusal.code, asset.refusal.detail);
        const { policy } = await options.policies.active(tx);
        const [fees, nowMs] = [policy.fees[asset.value], options.now()];
        const queue = { oldestAtMs: await oldestUnsignedAtMs(tx) };
        const quotes = quoteAll(fees, await readEstimates(tx), nowMs);
        return ok(
          feesOf(
            asset.value,
            quotes.map((quote) => ({ ...quote, expectedMs: expectQuoted(fees, quote, queue, nowMs) })),
          ),
        );
      }),
  );
}

function command({ server, asks, answered }: Door, options: WithdrawalRouteOptions): void {
  server.post(
    "/v1/withdrawals/:id/cancel",
    {
      preValidation: asks("withdraw"),
      schema: {
        ...{
          operationId: "cancelWithdrawal",
          summary: "Cancel before the clearance",
          params,
          response: { 200: withdrawalSchema },
        },
        ...signed("withdraw", { 404: ["WITHDRAWAL_UNKNOWN"], 409: ["NOT_CANCELLABLE"] }),
      },
    },
    async (request) =>
      answered(request, async (tx, caller) => {
        const done = await commanded(tx, options, request.params.id, caller, "cancel");
        return done.ok ? known(tx, request.params.id, caller.key) : done;
      }),
  );

  server.post(
    "/v1/withdrawals/:id/approvals",
    {
      preValidation: asks("approve"),
      schema: {
        operationId: "approveWithdrawal",
        summary: "Approve a held withdrawal",
        description: APPROVING,
        params,
        body: approvalRequestSchema.optional(),
        response: { 200: withdrawalSchema },
        ...signed("approve", {
          400: ["QUERY_UNEXPECTED"],
          403: ["OWN_REQUEST", "SAME_PERSON"],
          404: ["WITHDRAWAL_UNKNOWN"],
          409: ["NOT_HELD", "APPROVAL_OTHER_CONTENT", "SUSPENDED", ...ALARMS],
          422: ["APPROVAL_UNBOUND"],
        }),
      },
    },
    async (request) =>
      answered(request, async (tx, caller) => {
        const done = await commanded(tx, options, request.params.id, caller, "approve", request.body ?? undefined);
        return done.ok ? known(tx, request.params.id, caller.key) : done;
      }),
  );

  server.post(
    "/v1/withdrawals/:id/failure",
    {
      preValidation: asks("fail"),
      schema: {
        ...{
          operationId: "failWithdrawal",
          summary: "Say that a withdrawal has failed",
          description: FAILING,
          params,
          body: failureRequestSchema,
        },
        response: { 200: withdrawalSchema },
        ...signed("fail", {
          400: ["QUERY_UNEXPECTED"],
          403: ["SAME_PERSON"],
          404: ["WITHDRAWAL_UNKNOWN"],
          409: ["NOT_FAILABLE", ...PROOFS, ...ALARMS],
          422: ["FIELD_INVALID"],
        }),
      },
    },
    async (request) =>
      answered(request, async (tx, caller) => {
        const said = await failed(tx, options, request.params.id, caller, request.body);
        return said.ok ? known(tx, request.params.id, caller.key) : said;
      }),
  );
}

/** As the draft of the header has it, a string between quotes; or bare. */
function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const given = headers["idempotency-key"];
  return given === undefined ? undefined : String(given).replace(/^"(.*)"$/, "$1");
}

async function known(tx: Transaction, id: string, key: ApiKey) {
  const whole = await readWhole(tx, id);
  return whole === undefined || !isVisible(whole.stored, key) ? unknown(id) : ok(detailsOf(whole));
}

/** With when it is to be expected, which is asked for alone: whoever posts or commands is answered without. */
async function underway(tx: Transaction, { policies, now }: WithdrawalRouteOptions, id: string, key: ApiKey) {
  const whole = await readWhole(tx, id);
  if (whole === undefined || !isVisible(whole.stored, key)) return unknown(id);
  const { stored } = whole;
  const { policy } = await policies.active(tx);
  const [fees, nowMs] = [policy.fees[stored.asset], now()];
  const quote = quoteFee(fees, stored.priority, await readEstimates(tx), nowMs);
  const queue = { oldestAtMs: await oldestUnsignedAtMs(tx) };
  return ok(detailsOf(whole, expectUnderway(fees, stored, quote, queue, nowMs)));
}
