// Signed HTTP requests: RFC 9421 message signatures with Ed25519 and the Content-Digest of RFC 9530. The parts that
// were signed travel along, so that the semi-offline zone verifies the same signature from the same bytes again.
import { createHash, type KeyObject, sign, timingSafeEqual, verify } from "node:crypto";
import type { Result } from "@sluice/core";
import { type InnerList, parseDictionary, serializeInnerList } from "structured-headers";
import type { z } from "zod";
import type { signedRequestSchema } from "./message-shapes.ts";
import { signatureBase } from "./signature-base.ts";
import type { Trust, TrustedKey } from "./trust.ts";

export type SignedRequest = z.output<typeof signedRequestSchema>;

/** The parts of a request before it is signed. `query` is empty or begins with "?". */
export type RequestParts = Pick<SignedRequest, "method" | "authority" | "path" | "query" | "contentType" | "body">;

export type SignatureRefusal = {
  readonly code:
    | "SIGNATURE_MISSING"
    | "SIGNATURE_MALFORMED"
    | "SIGNATURE_INCOMPLETE"
    | "DIGEST_MISSING"
    | "DIGEST_MISMATCH"
    | "KEY_UNKNOWN"
    | "KEY_REVOKED"
    | "KEY_EXPIRED"
    | "SIGNATURE_INVALID";
  readonly detail: string;
};

/** What a valid signature says. Whether it is fresh and its nonce unused is the front door's to decide. */
export type VerifiedRequest = { readonly key: TrustedKey; readonly createdAtMs: number; readonly nonce: string };

const LABEL = "sluice";
const TAG = "sluice-withdrawal-v1";
const WITHOUT_BODY = ["@method", "@authority", "@path", "@query"] as const;
const WITH_BODY = [...WITHOUT_BODY, "content-type", "content-digest"] as const;

/** Signs a request (RFC 9421 §3.1). `createdAtMs` is cut to seconds; `nonce` must never repeat for one key. */
export function signRequest(
  parts: RequestParts,
  signer: { readonly keyId: string; readonly privateKey: KeyObject },
  options: { readonly createdAtMs: number; readonly nonce: string },
): SignedRequest {
  const components = parts.body.length > 0 ? WITH_BODY : WITHOUT_BODY;
  const list: InnerList = [
    components.map((name) => [name, new Map()]),
    new Map<string, string | number>([
      ["created", Math.floor(options.createdAtMs / 1000)],
      ["nonce", options.nonce],
      ["keyid", signer.keyId],
      ["alg", "ed25519"],
      ["tag", TAG],
    ]),
  ];
  const parameters = serializeInnerList(list);
  const unsigned = { ...parts, contentDigest: parts.body.length > 0 ? contentDigest(parts.body) : "" };
  const signature = sign(null, signedBytes(unsigned, components, parameters), signer.privateKey).toString("base64");
  return { ...unsigned, signatureInput: `${LABEL}=${parameters}`, signature: `${LABEL}=:${signature}:` };
}

/** Verifies a request's signature and digest from the carried parts alone. Never throws, whatever the parts hold. */
export function verifyRequest(trust: Trust, request: SignedRequest): Result<VerifiedRequest, SignatureRefusal> {
  if (request.signatureInput === "" || request.signature === "") {
    return refuse("SIGNATURE_MISSING", "the headers Signature-Input and Signature are needed");
  }
  const parsed = parseSignature(request);
  if (parsed === undefined) return refuse("SIGNATURE_MALFORMED", `one signature labelled "${LABEL}" is expected`);
  const { components, parameters, keyId, createdAtMs, nonce, signature } = parsed;
  const needed: readonly string[] = request.body.length > 0 ? WITH_BODY : WITHOUT_BODY;
  if (components.join(" ") !== needed.join(" ")) {
    return refuse("SIGNATURE_INCOMPLETE", `must cover exactly, in this order: ${needed.join(" ")}`);
  }
  if (request.body.length > 0) {
    const given = request.contentDigest;
    if (given === "") return refuse("DIGEST_MISSING", "the header Content-Digest is needed");
    if (!equal(given, contentDigest(request.body))) {
      return refuse("DIGEST_MISMATCH", "Content-Digest must be sha-256=:…: of the exact body");
    }
  }
  const key = trust.find("exchange-backend", keyId);
  if (key === undefined) return refuse("KEY_UNKNOWN", keyId.slice(0, 100));
  if (key.revoked) return refuse("KEY_REVOKED", keyId);
  if (key.expired === true) return refuse("KEY_EXPIRED", keyId);
  if (!verify(null, signedBytes(request, needed, parameters), key.publicKey, signature)) {
    return refuse("SIGNATURE_INVALID", "the signature does not match the request");
  }
  return { ok: true, value: { key, createdAtMs, nonce } };
}

/** The header's value for a body (RFC 9530): `sha-256=:<base64>:`. */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
}

function parseSignature(request: SignedRequest) {
  try {
    const inputs = parseDictionary(request.signatureInput);
    const signatures = parseDictionary(request.signature);
    const input = inputs.get(LABEL);
    const value = signatures.get(LABEL)?.[0];
    if (inputs.size !== 1 || signatures.size !== 1 || input === undefined || !Array.isArray(input[0])) return undefined;
    if (!(value instanceof ArrayBuffer) || value.byteLength !== 64) return undefined;
    const list = input as InnerList;
    const components = list[0].map(([name, own]) => (own.size === 0 && typeof name === "string" ? name : ""));
    const { created, nonce, keyid, alg, tag } = Object.fromEntries(list[1]);
    if (typeof created !== "number" || !Number.isSafeInteger(created) || created < 0) return undefined;
    if (typeof nonce !== "string" || nonce.length < 8 || nonce.length > 128) return undefined;
    if (typeof keyid !== "string" || alg !== "ed25519" || tag !== TAG || list[1].size !== 5) return undefined;
    return {
      components,
      parameters: serializeInnerList(list),
      keyId: keyid,
      createdAtMs: created * 1000,
      nonce,
      signature: new Uint8Array(value),
    };
  } catch {
    return undefined;
  }
}

/** The covered components' values by their names. */
function signedBytes(
  request: Omit<SignedRequest, "signature" | "signatureInput">,
  components: readonly string[],
  parameters: string,
): Buffer {
  const values: Readonly<Record<string, string>> = {
    "@method": request.method,
    "@authority": request.authority.toLowerCase(),
    "@path": request.path,
    "@query": request.query === "" ? "?" : request.query,
    "content-type": request.contentType,
    "content-digest": request.contentDigest,
  };
  return signatureBase(
    components.map((name) => [name, values[name] ?? ""]),
    parameters,
  );
}

function equal(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refuse(code: SignatureRefusal["code"], detail: string): { ok: false; refusal: SignatureRefusal } {
  return { ok: false, refusal: { code, detail } };
}
