// Which codes a signed route can answer with before its own work begins; each route adds its own.
import { merged, type Refusals } from "@sluice/http";
import type { Scope } from "./api-keys.ts";

/** Into a route's schema: the scope that it asks for, and the codes of its refusals by status. */
export function signed(scope: Scope, own: Refusals = {}) {
  return { security: [{ signature: [scope] }], refuses: merged(GATE, own) };
}

/** How a request is signed, as the OpenAPI document says it. */
export const SIGNATURE_SCHEME = {
  type: "apiKey",
  in: "header",
  name: "Signature",
  description: `Every request is signed with an Ed25519 key (RFC 9421), under the label sluice, over @method, @authority, @path and @query,
and with a body also content-type and content-digest (RFC 9530, sha-256), with the parameters created, nonce, keyid, alg="ed25519" and
tag="sluice-withdrawal-v1" in this order. A nonce is used once. The scope that a route asks for is one of those in the key's row.`,
} as const;

const GATE: Refusals = {
  400: ["AUTHORITY_INVALID"],
  401: [
    ...["SIGNATURE_MISSING", "SIGNATURE_MALFORMED", "SIGNATURE_INCOMPLETE", "SIGNATURE_INVALID", "SIGNATURE_STALE"],
    ...[
      "SIGNATURE_REPLAYED",
      "DIGEST_MISSING",
      "DIGEST_MISMATCH",
      "KEY_UNKNOWN",
      "KEY_REVOKED",
      "KEY_EXPIRED",
      "KEY_NOT_YET_VALID",
    ],
  ],
  403: ["IP_NOT_ALLOWED", "SCOPE_MISSING"],
  503: ["POLICY_UNREADABLE"],
};
