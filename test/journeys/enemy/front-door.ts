// Requests to the public API as no client of ours would make them.
import { randomBytes } from "node:crypto";
import { contentDigest, type Sealer, type SignedRequest, signRequest } from "@sluice/contracts";

export type Knock = {
  /** What is signed. */
  readonly body: object;
  readonly signer: Sealer;
  readonly createdAtMs?: number;
  readonly nonce?: string;
  /** What is changed after that. */
  readonly after?: (request: SignedRequest) => SignedRequest;
};

/** Status and code of the answer, such as "401 SIGNATURE_STALE". */
export async function knock(apiUrl: string, { body, signer, createdAtMs, nonce, after }: Knock): Promise<string> {
  const url = new URL("/v1/withdrawals", apiUrl);
  const signed = signRequest(
    {
      ...{ method: "POST", authority: url.host, path: url.pathname, query: "", contentType: "application/json" },
      body: new Uint8Array(Buffer.from(JSON.stringify(body))),
    },
    signer,
    { createdAtMs: createdAtMs ?? Date.now(), nonce: nonce ?? randomBytes(8).toString("hex") },
  );
  const request = after?.(signed) ?? signed;
  const headers = Object.entries({
    "content-type": request.contentType,
    "content-digest": request.contentDigest,
    "signature-input": request.signatureInput,
    signature: request.signature,
  }).filter(([, value]) => value !== "");
  const answer = await fetch(url, {
    method: "POST",
    headers: Object.fromEntries(headers),
    body: Buffer.from(request.body),
  });
  const { code = "" } = (await answer.json()) as { readonly code?: string };
  return `${answer.status} ${code}`.trim();
}

export const unsigned = (request: SignedRequest): SignedRequest => ({ ...request, signature: "", signatureInput: "" });

/** Another body under the same signature; with its own digest, which the signature covers too. */
export function tampered(change: (body: string) => string, withDigest: boolean) {
  return (request: SignedRequest): SignedRequest => {
    const text = change(Buffer.from(request.body).toString("utf8"));
    const body = new Uint8Array(Buffer.from(text));
    return { ...request, body, ...(withDigest ? { contentDigest: contentDigest(body) } : {}) };
  };
}
