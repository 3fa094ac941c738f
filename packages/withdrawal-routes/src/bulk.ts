// Many withdrawals in one request, each with its own signature over its own bytes, so that the semi-offline zone verifies
// each as if it had been posted by itself (ADR 17).
import { type BulkItem, type BulkResult, bulkAnswerSchema, bulkRequestSchema } from "@sluice/client/api";
import { contentDigest, type SignedRequest } from "@sluice/contracts";
import { ok, type Result } from "@sluice/core";
import { type ApiRefusal, type Door, problemOf, signed } from "@sluice/gate";
import { findWithdrawal, type Stored } from "@sluice/risk-memory";
import { type Acceptance, acceptAll, unlessFull } from "./accept.ts";
import { IN_BULK } from "./texts.ts";
import { summaryOf } from "./view.ts";

/** So many are in hand at once: each is a transaction, and others want connections too. */
const AT_ONCE = 4;
const LARGEST_BYTES = 2 * 1024 * 1024;

export function bulk({ server, asks, answered, answeredItem, charge }: Door, options: Acceptance): void {
  server.post(
    "/v1/withdrawals/bulk",
    {
      bodyLimit: LARGEST_BYTES,
      preValidation: [unlessFull(options), asks("withdraw")],
      schema: {
        ...{ operationId: "createWithdrawals", summary: "Request many withdrawals", description: IN_BULK },
        body: bulkRequestSchema,
        response: { 200: bulkAnswerSchema },
        ...signed("withdraw"),
      },
    },
    async (request) => {
      const { withdrawals } = request.body;
      const outer = await answered(request, async (_, caller) => ok(caller));
      charge(outer, withdrawals.length - 1);
      const results = new Array<BulkResult>(withdrawals.length);
      const left = withdrawals.entries();
      const take = async () => {
        for (const [index, item] of left) results[index] = resultOf(await one(item));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, take));
      return { results };

      async function one(item: BulkItem): Promise<Result<Stored, ApiRefusal>> {
        return answeredItem(outer, requestOf(item, outer.signed.authority), async (tx, caller) => {
          const [accepted] = await acceptAll(tx, options, [{ caller }]);
          if (accepted === undefined) throw new Error("one was asked for, and none answered");
          if (!accepted.ok) return accepted;
          const { id, stored } = accepted.value;
          const found = stored ?? (await findWithdrawal(tx, id));
          if (found === undefined) throw new Error(`${id} was accepted and is not there`);
          return ok(found);
        });
      }
    },
  );
}

function requestOf({ body, signatureInput, signature }: BulkItem, authority: string): SignedRequest {
  const bytes = new Uint8Array(Buffer.from(body, "utf8"));
  return {
    ...{ method: "POST", authority, path: "/v1/withdrawals", query: "", contentType: "application/json" },
    ...{ contentDigest: contentDigest(bytes), signatureInput, signature, body: bytes },
  };
}

function resultOf(result: Result<Stored, ApiRefusal>): BulkResult {
  if (result.ok) return { status: 202, withdrawal: summaryOf(result.value), problem: null };
  const { spec } = problemOf(result.refusal);
  const { code, title, detail = title, errors = [] } = spec;
  return { status: spec.status, withdrawal: null, problem: { code, title, detail, errors } };
}
