// The routes of the policy. One person with the scope policy proposes; another one, with the scope activate, makes it count.
import {
  newPolicySchema,
  policiesQuerySchema,
  policyActivationSchema,
  policyDetailsSchema,
  policyListSchema,
  policyNumberSchema,
  policyReplaySchema,
  policyVersionSchema,
  replaySchema,
} from "@sluice/client/api";
import { ok } from "@sluice/core";
import { type Door, type RouteGroup, signed } from "@sluice/gate";
import type { Pool } from "@sluice/postgres";
import { z } from "zod";
import { activate, type Deciding, page, propose, show, withdraw } from "./commands.ts";
import { createReplay } from "./replay.ts";

export type PolicyRouteOptions = Deciding & { readonly pool: Pool };

/** As many as the longest text has, each written as two. */
const LARGEST_BYTES = 1024 * 1024;
const params = z.object({ version: policyNumberSchema });
const WHO = ["ACCOUNT_NOT_PERMITTED", "PERSON_UNKNOWN"];

export function policyRoutes(options: PolicyRouteOptions): RouteGroup {
  return (door) => {
    reading(door);
    deciding(door, options);
    replaying(door, options);
  };
}

function reading({ server, asks, answered }: Door): void {
  server.get(
    "/v1/policies",
    {
      preValidation: asks("policy"),
      schema: {
        ...{ operationId: "listPolicies", summary: "The versions of the policy", querystring: policiesQuerySchema },
        ...{ response: { 200: policyListSchema }, ...signed("policy") },
      },
    },
    async (request) => answered(request, async (tx) => ok(await page(tx, request.query))),
  );
  server.get(
    "/v1/policies/:version",
    {
      preValidation: asks("policy"),
      schema: {
        ...{ operationId: "getPolicy", summary: "One version of the policy, with its text", params },
        ...{ response: { 200: policyDetailsSchema }, ...signed("policy", { 404: ["POLICY_UNKNOWN"] }) },
      },
    },
    async (request) => answered(request, (tx) => show(tx, request.params.version)),
  );
}

function deciding({ server, asks, answered }: Door, options: PolicyRouteOptions): void {
  const version = { response: { 200: policyVersionSchema } };
  server.post(
    "/v1/policies",
    {
      bodyLimit: LARGEST_BYTES,
      preValidation: asks("policy"),
      schema: {
        ...{ operationId: "proposePolicy", summary: "Propose a policy", description: PROPOSING },
        ...{ body: newPolicySchema, ...version },
        ...signed("policy", { 403: WHO, 409: ["POLICY_UNCHANGED"], 422: ["POLICY_INVALID"] }),
      },
    },
    async (request) => answered(request, (tx, caller) => propose(tx, options, caller, request.body.text)),
  );
  server.post(
    "/v1/policies/:version/activation",
    {
      preValidation: asks("activate"),
      schema: {
        ...{ operationId: "activatePolicy", summary: "Make a proposed policy count", description: ACTIVATING },
        ...{ params, body: policyActivationSchema, ...version },
        ...signed("activate", {
          ...{ 403: [...WHO, "SAME_PERSON"], 404: ["POLICY_UNKNOWN"] },
          409: ["POLICY_DIFFERS", "POLICY_NOT_PROPOSED", "POLICY_OUTDATED", "POLICY_UNREADABLE"],
        }),
      },
    },
    async (request) =>
      answered(request, (tx, caller) => activate(tx, options, caller, request.params.version, request.body.sha256)),
  );
  server.post(
    "/v1/policies/:version/withdrawal",
    {
      preValidation: asks("policy"),
      schema: {
        ...{ operationId: "withdrawPolicy", summary: "Take a proposed policy back, for good", params, ...version },
        ...signed("policy", { 403: WHO, 404: ["POLICY_UNKNOWN"], 409: ["POLICY_NOT_PROPOSED"] }),
      },
    },
    async (request) => answered(request, (tx, caller) => withdraw(tx, options, caller, request.params.version)),
  );
}

function replaying({ server, asks, answered }: Door, options: PolicyRouteOptions): void {
  const replay = createReplay(options);
  server.post(
    "/v1/policies/replay",
    {
      bodyLimit: LARGEST_BYTES,
      preValidation: asks("policy"),
      schema: {
        ...{ operationId: "replayPolicy", summary: "What a policy would have changed", description: REPLAYING },
        ...{ body: policyReplaySchema, response: { 200: replaySchema } },
        ...signed("policy", { 403: WHO, 422: ["POLICY_INVALID"] }),
      },
    },
    async (request) => {
      // The caller is known and the nonce spent before anything is read; then nothing is written any more.
      const candidate = await answered(request, async (_, { key }) => replay.admit(key, request.body.text));
      return replay.page(candidate, request.body);
    },
  );
}

const PROPOSING = `Changes nothing: it counts once another person has activated it. The same key proposing the same content again, while nothing else
became active, gets the version that it has.`;
const ACTIVATING = `By another person than the proposer, who names by its SHA-256 what was read. It counts for every judgement that begins after the answer,
on every instance. A proposal that was made before another version became active is refused: it has to be proposed anew.`;
const REPLAYING = `Judges stored withdrawals again by the active policy and by the given text, with the facts as they were then, as far as they are
still known. Reads only; one at a time on each instance (503 OVERLOADED while another one runs).`;
