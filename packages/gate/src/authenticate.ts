// Step 1: who asks. Every request is signed (RFC 9421); what was signed is kept as it came.
import { type SignedRequest, type Trust, verifyRequest } from "@sluice/contracts";
import { ok, type Result } from "@sluice/core";
import type { FastifyRequest } from "@sluice/http";
import type { ApiKey, ApiKeys, Scope } from "./api-keys.ts";
import { type ApiRefusal, refuse } from "./refusal.ts";

export type Caller = {
  readonly key: ApiKey;
  readonly signed: SignedRequest;
  readonly createdAtMs: number;
  readonly nonce: string;
};

export type Gate = {
  readonly trust: Trust;
  readonly apiKeys: ApiKeys;
  readonly signatureWindowMs: number;
  readonly now: () => number;
};

/**
 * Checks in this order: signature and digest, the key's time, freshness, the caller's address, the key's scope. That the nonce is new is
 * checked last, in the transaction that does the work (spendNonce), so that a request which a stranger merely repeats
 * from elsewhere spends nothing.
 */
export function authenticate(gate: Gate, request: FastifyRequest, scope: Scope): Result<Caller, ApiRefusal> {
  const signed = signedPartsOf(request);
  if (signed.authority === "" || signed.authority.length > LONGEST_AUTHORITY) {
    return refuse(400, "AUTHORITY_INVALID", `the Host header has 1 to ${LONGEST_AUTHORITY} characters`);
  }
  const verified = verifySigned(gate, signed);
  if (!verified.ok) return verified;
  const { key } = verified.value;
  if (!key.allowedAddresses.check(request.ip, request.ip.includes(":") ? "ipv6" : "ipv4")) {
    return refuse(403, "IP_NOT_ALLOWED", "this key may not be used from this address");
  }
  if (!key.scopes.includes(scope)) return refuse(403, "SCOPE_MISSING", `this key has no scope ${scope}`);
  return verified;
}

/** Whose valid and fresh signature it is. */
export function verifySigned(gate: Gate, signed: SignedRequest): Result<Caller, ApiRefusal> {
  const verified = verifyRequest(gate.trust, signed);
  if (!verified.ok) return refuse(401, verified.refusal.code, verified.refusal.detail);
  const { createdAtMs, nonce } = verified.value;
  const key = gate.apiKeys.get(verified.value.key.keyId);
  if (key === undefined) return refuse(401, "KEY_UNKNOWN", "the key is not one of this deployment's API keys");
  const nowMs = gate.now();
  if (nowMs < key.validMs.from) return refuse(401, "KEY_NOT_YET_VALID", "the key does not count yet");
  if (nowMs >= key.validMs.until) return refuse(401, "KEY_EXPIRED", "the key does not count any more");
  const ageMs = nowMs - createdAtMs;
  if (Math.abs(ageMs) > gate.signatureWindowMs) {
    const seconds = Math.round(Math.abs(ageMs) / 1_000);
    return refuse(401, "SIGNATURE_STALE", `created ${seconds} s ${ageMs > 0 ? "ago" : "in the future"}`);
  }
  return ok({ key, signed, createdAtMs, nonce });
}

/** As long as it fits into a clearance. */
const LONGEST_AUTHORITY = 256;

/** The parts from what was received, never from what a router made of it. */
function signedPartsOf(request: FastifyRequest): SignedRequest {
  const { url = "", method = "" } = request.raw;
  const queryAt = url.indexOf("?");
  return {
    method,
    authority: header(request, "host"),
    path: queryAt < 0 ? url : url.slice(0, queryAt),
    query: queryAt < 0 ? "" : url.slice(queryAt),
    contentType: header(request, "content-type"),
    contentDigest: header(request, "content-digest"),
    signatureInput: header(request, "signature-input"),
    signature: header(request, "signature"),
    body: new Uint8Array((request as FastifyRequest & { readonly rawBody: Buffer }).rawBody),
  };
}

function header(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value.join(", ") : value) ?? "";
}
