// One POST: to an address that was checked when it was connected to, with everything bounded, and no redirect followed.
import { lookup as systemLookup } from "node:dns";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { refusedAs } from "./addresses.ts";
import { type TargetRules, targetFault } from "./target.ts";

export type PosterOptions = TargetRules & {
  /** For everything together, from the name's resolution to the end of the answer. */
  readonly timeoutMs: number;
  /** Of the answer so much is kept, the rest is not read. */
  readonly keptBytes: number;
  /** PEM; certificates that are trusted beside those that come with Node. */
  readonly extraCa?: string | undefined;
  /** The system's own resolver unless told. */
  readonly resolve?: Resolve;
};

export type Resolve = (
  name: string,
  answer: (error: Error | null, addresses: readonly { readonly address: string; readonly family: number }[]) => void,
) => void;

export type PostOutcome = {
  readonly durationMs: number;
} & (
  | {
      readonly kind: "answered";
      readonly status: number;
      /** The beginning of the body as text; what is no text in it is replaced. */
      readonly answer: string;
      /** Of the answer's Retry-After, when it names seconds. */
      readonly retryAfterMs: number | null;
    }
  | { readonly kind: "failed"; readonly code: PostFailure; readonly detail: string }
);

export type PostFailure =
  /** Nothing was sent: the URL, or an address that its name has now, is somebody's inside. */
  | "ADDRESS_FORBIDDEN"
  | "NAME_UNRESOLVED"
  | "CONNECTION_FAILED"
  | "TLS_FAILED"
  | "TIMED_OUT"
  /** What came back is no HTTP. */
  | "ANSWER_INVALID";

export type Poster = {
  /** Never rejects. Whether the other side took what was sent is known only from an answer. */
  readonly post: (url: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => Promise<PostOutcome>;
  readonly close: () => void;
};

/** Shorter than servers keep a silent connection, so that none is used that is being closed. */
const IDLE_MS = 3_000;

export function createPoster(options: PosterOptions): Poster {
  const lookup = checkedLookup(options);
  // Agents of our own: the global ones may be told of a proxy by the environment, and it would connect for us, unchecked.
  const plain = new HttpAgent({ keepAlive: true, timeout: IDLE_MS });
  const ca = options.extraCa === undefined ? {} : { ca: [...rootCertificates, options.extraCa] };
  const secure = new HttpsAgent({ keepAlive: true, timeout: IDLE_MS, rejectUnauthorized: true, ...ca });
  return {
    post: async (url, headers, body) => {
      const startedAtMs = performance.now();
      const outcome = await post(url, headers, body);
      return { ...outcome, durationMs: Math.round(performance.now() - startedAtMs) };
    },
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };

  async function post(url: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<Outcome> {
    const fault = targetFault(url, options);
    if (fault !== null) return { kind: "failed", code: "ADDRESS_FORBIDDEN", detail: `the URL ${fault}` };
    const signal = AbortSignal.timeout(options.timeoutMs);
    const common: RequestOptions = {
      ...{ method: "POST", lookup, signal },
      headers: { ...headers, "content-length": String(body.length) },
    };
    const target = new URL(url);
    try {
      const request =
        target.protocol === "https:"
          ? httpsRequest(target, { ...common, agent: secure })
          : httpRequest(target, { ...common, agent: plain });
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        // 1xx are no answers; node hands on the one that counts.
        request.once("response", resolve);
        request.once("upgrade", (response, socket) => {
          socket.destroy();
          resolve(response);
        });
        // Stays on: an answer that breaks off later must not end the process.
        request.on("error", reject);
        request.end(body);
      });
      return {
        ...{ kind: "answered", status: answer.statusCode ?? 0, answer: await beginningOf(answer, options.keptBytes) },
        retryAfterMs: retryAfterOf(answer),
      };
    } catch (error) {
      return { kind: "failed", ...failureOf(error) };
    }
  }
}

type Outcome =
  | Omit<Extract<PostOutcome, { readonly kind: "answered" }>, "durationMs">
  | Omit<Extract<PostOutcome, { readonly kind: "failed" }>, "durationMs">;

/**
 * Resolves once, refuses the name when any of its addresses is inside, and hands on exactly those that were looked at:
 * the socket connects to one of them and nobody asks the name again (DNS rebinding).
 */
function checkedLookup({ allowedNetworks, resolve = systemResolve }: PosterOptions): LookupFunction {
  return (name, { all }, answer) => {
    resolve(name, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) return answer(error ?? new Error("no address"), []);
      for (const { address } of addresses) {
        const refused = refusedAs(address, allowedNetworks);
        if (refused !== null) return answer(new Forbidden(`${name} has the address ${address} (${refused})`), []);
      }
      if (all === true) answer(null, [...addresses]);
      else answer(null, first.address, first.family);
    });
  };
}

const systemResolve: Resolve = (name, answer) => systemLookup(name, { all: true }, answer);

class Forbidden extends Error {
  readonly code = "ADDRESS_FORBIDDEN";
}

/** An answer counts from its status on: what cannot be read of its body any more takes nothing back. */
async function beginningOf(answer: IncomingMessage, keptBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, keptBytes - length));
      length = Math.min(keptBytes, length + chunk.length);
      // Leaving the loop destroys the connection with whatever else was to come.
      if (length === keptBytes) break;
    }
  } catch {
    // Its time was over, or it broke off.
  }
  // Postgres takes no NUL, and a terminal takes other control characters at their word.
  return Buffer.concat(chunks)
    .toString("utf8")
    .replaceAll(/[\p{Cc}\uFFFD]+/gu, " ");
}

function retryAfterOf({ headers }: IncomingMessage): number | null {
  const text = headers["retry-after"] ?? "";
  return /^[0-9]{1,9}$/.test(text) ? Number(text) * 1_000 : null;
}

function failureOf(error: unknown): { readonly code: PostFailure; readonly detail: string } {
  const { name = "", code = "", message = "" } = error as { name?: string; code?: string; message?: string };
  return { code: failureCodeOf(name, String(code)), detail: message.replaceAll(/\p{Cc}+/gu, " ").slice(0, 200) };
}

function failureCodeOf(name: string, code: string): PostFailure {
  if (name === "TimeoutError" || name === "AbortError" || code === "ETIMEDOUT") return "TIMED_OUT";
  if (code === "ADDRESS_FORBIDDEN") return "ADDRESS_FORBIDDEN";
  if (code.startsWith("EAI_") || code === "ENOTFOUND" || code === "ENODATA") return "NAME_UNRESOLVED";
  if (code.startsWith("HPE_")) return "ANSWER_INVALID";
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || CERTIFICATE.test(code)) return "TLS_FAILED";
  return "CONNECTION_FAILED";
}

/** As OpenSSL names what is wrong with a certificate. */
const CERTIFICATE = /CERT|UNABLE_TO_|_CA$|SIGNATURE|CRL|EPROTO/;
