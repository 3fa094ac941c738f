// The calls about the policy: proposing, reading, activating, withdrawing, replaying.
import {
  type ApiPolicy,
  type ApiPolicyVersion,
  type PolicyList,
  policyDetailsSchema,
  policyListSchema,
  policyVersionSchema,
  type Replay,
  replaySchema,
} from "./policy-api.ts";
import { queryOf } from "./query.ts";
import type { Transport } from "./transport.ts";

type CallOptions = { readonly signal?: AbortSignal };
type Page = CallOptions & { readonly cursor?: string; readonly limit?: number };

export type PolicyCalls = {
  /** Proposes a text. The same key proposing the same again gets the same version. */
  readonly proposePolicy: (text: string, options?: CallOptions) => Promise<ApiPolicyVersion>;
  readonly listPolicies: (page?: Page) => Promise<PolicyList>;
  readonly getPolicy: (version: number, options?: CallOptions) => Promise<ApiPolicy>;
  /** Another person than the proposer, who names what was read by its SHA-256. */
  readonly activatePolicy: (version: number, sha256: string, options?: CallOptions) => Promise<ApiPolicyVersion>;
  readonly withdrawPolicy: (version: number, options?: CallOptions) => Promise<ApiPolicyVersion>;
  /** What a text would have changed over a page of the newest withdrawals. Changes nothing. */
  readonly replayPolicy: (text: string, page?: Page) => Promise<Replay>;
};

export function policyCalls(call: Transport["call"]): PolicyCalls {
  const path = (version: number) => `/v1/policies/${version}`;
  return {
    proposePolicy: async (text, { signal } = {}) =>
      call({ method: "POST", path: "/v1/policies", body: jsonOf({ text }), answer: policyVersionSchema, signal }),
    listPolicies: async ({ signal, ...page } = {}) =>
      call({ method: "GET", path: "/v1/policies", query: queryOf(page), answer: policyListSchema, signal }),
    getPolicy: async (version, { signal } = {}) =>
      call({ method: "GET", path: path(version), answer: policyDetailsSchema, signal }),
    activatePolicy: async (version, sha256, { signal } = {}) => {
      const body = jsonOf({ sha256 });
      return call({ method: "POST", path: `${path(version)}/activation`, body, answer: policyVersionSchema, signal });
    },
    withdrawPolicy: async (version, { signal } = {}) =>
      call({ method: "POST", path: `${path(version)}/withdrawal`, answer: policyVersionSchema, signal }),
    replayPolicy: async (text, { signal, ...page } = {}) => {
      const body = jsonOf({ text, ...page });
      return call({ method: "POST", path: "/v1/policies/replay", body, answer: replaySchema, signal });
    },
  };
}

function jsonOf(value: object): Uint8Array<ArrayBuffer> {
  return Buffer.from(JSON.stringify(value), "utf8");
}
