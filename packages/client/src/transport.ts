// One signed call: signed anew for each try, repeated while that can help, its answer validated.
import { type KeyObject, randomBytes } from "node:crypto";
import { type RequestParts, type SignedRequest, signRequest } from "@sluice/contracts";
import { backoffMs } from "@sluice/core";
import type { z } from "zod";
import { problemSchema } from "./api.ts";
import { SluiceApiError } from "./errors.ts";
import { pause } from "./pause.ts";

export type TransportOptions = {
  /** Origin of the API, such as https://withdrawals.example: scheme, host and port, nothing after them. */
  readonly baseUrl: string;
  readonly keyId: string;
  /** Ed25519. */
  readonly privateKey: KeyObject;
  readonly fetch?: typeof globalThis.fetch;
  /** The present time, epoch ms. */
  readonly now?: () => number;
  /** Never the same twice for one key; 8 to 128 characters. */
  readonly nonce?: () => string;
  /** How often a call is tried at most; 5 if not given. */
  readonly tries?: number;
  /** How long one try may take, milliseconds; 10,000 if not given. */
  readonly tryTimeoutMs?: number;
};

export type Call<S extends z.ZodType> = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** Empty, or beginning with "?". */
  readonly query?: string;
  /** A function is asked for each try, where what it carries is signed itself. */
  readonly body?: Uint8Array<ArrayBuffer> | (() => Uint8Array<ArrayBuffer>);
  readonly answer: S;
  readonly signal?: AbortSignal | undefined;
};

export type Transport = {
  readonly call: <S extends z.ZodType>(call: Call<S>) => Promise<z.output<S>>;
  /** The headers of a signed request that another one carries. */
  readonly signItem: (
    path: string,
    body: Uint8Array<ArrayBuffer>,
  ) => Pick<SignedRequest, "signatureInput" | "signature">;
};

export function createTransport(options: TransportOptions): Transport {
  const origin = readOrigin(options.baseUrl);
  const { fetch = globalThis.fetch, now = Date.now, nonce = randomNonce, tries = 5, tryTimeoutMs = 10_000 } = options;
  if (options.privateKey.asymmetricKeyType !== "ed25519") throw new TypeError("the private key is not Ed25519");
  return {
    call: async (call) => {
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await tryOnce(call);
        if (outcome.kind === "answer") return outcome.value;
        if (!outcome.mayRepeat || attempt >= tries) throw outcome.error;
        await pause(Math.max(outcome.retryAfterMs, backoffMs(attempt, BACKOFF, Math.random())), call.signal);
      }
    },
    signItem: (path, body) => {
      const { signatureInput, signature } = sign({ method: "POST", path, query: "", contentType: JSON_TYPE, body });
      return { signatureInput, signature };
    },
  };

  /** A nonce counts once, also when the try that carried it failed on its way back. */
  function sign(parts: Omit<RequestParts, "authority">): SignedRequest {
    return signRequest({ ...parts, authority: origin.host }, options, { createdAtMs: now(), nonce: nonce() });
  }

  async function tryOnce<S extends z.ZodType>(call: Call<S>): Promise<Outcome<z.output<S>>> {
    call.signal?.throwIfAborted();
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${origin.href}${call.path.slice(1)}${call.query ?? ""}`, {
        ...signed(call),
        signal: AbortSignal.any([AbortSignal.timeout(tryTimeoutMs), ...(call.signal ? [call.signal] : [])]),
        redirect: "error",
      });
      text = await response.text();
    } catch (cause) {
      call.signal?.throwIfAborted();
      const detail = "no answer came; whether the request arrived is not known";
      return failed(new SluiceApiError({ status: 0, code: "UNREACHABLE", detail }, { cause }), true);
    }
    return response.ok ? readAnswer(call, response.status, text) : readProblem(response, text);
  }

  function signed<S extends z.ZodType>({ method, path, query = "", body: given }: Call<S>): RequestInit {
    const body = typeof given === "function" ? given() : given;
    const contentType = body === undefined ? "" : JSON_TYPE;
    const request = sign({ method, path, query, contentType, body: body ?? new Uint8Array() });
    return {
      method,
      headers: {
        accept: "application/json, application/problem+json",
        "signature-input": request.signatureInput,
        signature: request.signature,
        ...(body === undefined ? {} : { "content-type": contentType, "content-digest": request.contentDigest }),
      },
      ...(body === undefined ? {} : { body }),
    };
  }
}

const JSON_TYPE = "application/json";

type Outcome<T> =
  | { readonly kind: "answer"; readonly value: T }
  | {
      readonly kind: "failure";
      readonly error: SluiceApiError;
      readonly mayRepeat: boolean;
      readonly retryAfterMs: number;
    };

const BACKOFF = { firstMs: 100, longestMs: 5_000 };
const LONGEST_RETRY_AFTER_MS = 60_000;

function readOrigin(baseUrl: string): URL {
  const url = new URL(baseUrl);
  if (!["http:", "https:"].includes(url.protocol)) throw new TypeError("the base URL is neither http nor https");
  // A proxy that adds or removes a part of the path would break every signature.
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new TypeError("the base URL is scheme, host and port only");
  }
  return url;
}

function randomNonce(): string {
  return randomBytes(16).toString("base64url");
}

function readAnswer<S extends z.ZodType>({ answer }: Call<S>, status: number, text: string): Outcome<z.output<S>> {
  const read = answer.safeParse(parseJson(text));
  if (read.success) return { kind: "answer", value: read.data };
  const detail = read.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`).join("; ");
  return failed(new SluiceApiError({ status, code: "ANSWER_MALFORMED", detail }), false);
}

function readProblem(response: Response, text: string): Outcome<never> {
  const { status } = response;
  const read = problemSchema.safeParse(parseJson(text));
  const error = read.success
    ? new SluiceApiError({ ...read.data, status, detail: read.data.detail ?? read.data.title })
    : new SluiceApiError({ status, code: "ANSWER_MALFORMED", detail: `status ${status} without problem details` });
  const retryAfter = Number(response.headers.get("retry-after") ?? "0");
  const retryAfterMs = Number.isFinite(retryAfter) ? Math.min(retryAfter * 1_000, LONGEST_RETRY_AFTER_MS) : 0;
  return { kind: "failure", error, mayRepeat: status >= 500 || status === 429, retryAfterMs };
}

function failed(error: SluiceApiError, mayRepeat: boolean): Outcome<never> {
  return { kind: "failure", error, mayRepeat, retryAfterMs: 0 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
