// Requests that no well-meaning client would send: signed as told, then changed at will, over a bare HTTP connection.
import { randomUUID } from "node:crypto";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { type SignedRequest, signRequest } from "@sluice/contracts";
import type { TestKey } from "./keys.ts";

export type RawRequest = {
  readonly key: TestKey;
  readonly method?: string;
  /** With its query. */
  readonly target?: string;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  readonly createdAtMs?: number;
  readonly nonce?: string;
  /** Changes what goes over the wire after it was signed. */
  readonly alter?: (wire: Wire) => Partial<Wire>;
};

export type Wire = {
  readonly method: string;
  readonly target: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
};

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: {
    readonly code?: string;
    readonly detail?: string;
    readonly state?: string;
    readonly errors?: readonly { readonly field: string; readonly rule: string; readonly code: string }[];
    readonly [member: string]: unknown;
  };
};

export async function send(base: string, raw: RawRequest): Promise<Answer> {
  const { host } = new URL(base);
  const { method = "POST", target = "/v1/withdrawals", body = "", contentType = "application/json" } = raw;
  const bytes = new Uint8Array(typeof body === "string" ? Buffer.from(body, "utf8") : body);
  const [path = "", query] = target.split(/(?=\?)/, 2);
  const signed = signRequest(
    {
      method,
      authority: host,
      path,
      query: query ?? "",
      contentType: bytes.length > 0 ? contentType : "",
      body: bytes,
    },
    raw.key,
    { createdAtMs: raw.createdAtMs ?? Date.now(), nonce: raw.nonce ?? randomUUID() },
  );
  const wire: Wire = { method, target, headers: headersOf(signed, host), body: bytes };
  return exchange(base, { ...wire, ...raw.alter?.(wire) });
}

function headersOf(signed: SignedRequest, host: string): OutgoingHttpHeaders {
  return {
    host,
    "signature-input": signed.signatureInput,
    signature: signed.signature,
    ...(signed.body.length > 0 ? { "content-type": signed.contentType, "content-digest": signed.contentDigest } : {}),
  };
}

function exchange(base: string, { method, target, headers, body }: Wire): Promise<Answer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const length = body.length > 0 ? { "content-length": body.length } : {};
    const given = Object.fromEntries(
      Object.entries({ ...headers, ...length }).filter(([, value]) => value !== undefined),
    );
    const outgoing = httpRequest({ hostname, port, method, path: target, headers: given }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text || "{}") });
      });
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Takes a header off. */
export function without(name: string) {
  return ({ headers }: Wire): Partial<Wire> => ({ headers: { ...headers, [name]: undefined } });
}

export function withHeader(name: string, value: string) {
  return ({ headers }: Wire): Partial<Wire> => ({ headers: { ...headers, [name]: value } });
}
