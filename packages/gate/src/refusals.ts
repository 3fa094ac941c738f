// Which codes a signed route can answer with before its own work begins; each route adds its own.
import { merged, type Refusals } from "@sluice/http";

/** As `refuses` of a route's schema. */
export function refuses(own: Refusals = {}): Refusals {
  return merged(GATE, own);
}

const GATE: Refusals = {
  400: ["AUTHORITY_INVALID"],
  401: [
    ...["SIGNATURE_MISSING", "SIGNATURE_MALFORMED", "SIGNATURE_INCOMPLETE", "SIGNATURE_INVALID", "SIGNATURE_STALE"],
    ...["SIGNATURE_REPLAYED", "DIGEST_MISSING", "DIGEST_MISMATCH", "KEY_UNKNOWN", "KEY_REVOKED", "KEY_EXPIRED"],
  ],
  403: ["IP_NOT_ALLOWED", "SCOPE_MISSING"],
};
