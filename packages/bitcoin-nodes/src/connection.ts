// One question to one node in JSON-RPC over HTTP or TLS, within a time and a size; what else comes back is a fault with its word.
import { readFileSync } from "node:fs";
import type { Agent, IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { z } from "zod";
import { type HealthWord, NodeFault } from "./node-fault.ts";

// Not imported: an import of node:http by its names loads all of Node's fetch.
const { Agent: PlainAgent, request: plainRequest } = process.getBuiltinModule("node:http");

export type RpcRefusal = { readonly code: number; readonly message: string };

export type RpcAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly refusal: RpcRefusal };

export type Credentials =
  | { readonly user: string; readonly password: string }
  /** Of a node on this machine, which writes a new one at each of its starts. */
  | { readonly cookieFile: string };

export type ConnectionOptions = {
  readonly url: string;
  /** PEM: the only authorities, or the very certificate, that the node's own is measured by. */
  readonly ca?: string;
  readonly credentials: Credentials;
  readonly timeoutMs: number;
  readonly stopping: AbortSignal;
  readonly onAnswer?: (method: string, outcome: "ok" | "refused" | HealthWord) => void;
};

export type Connection = {
  readonly ask: (method: string, params: readonly unknown[]) => Promise<RpcAnswer>;
  readonly close: () => void;
};

/** Hexadecimal text of the largest block, and its envelope. */
const LONGEST_ANSWER_BYTES = 9 * 1024 * 1024;
const MOST_SOCKETS = 16;
/** bitcoind's own code while it starts (rpc/protocol.h). */
const IN_WARMUP = -28;

export function openConnection(options: ConnectionOptions): Connection {
  const { stopping, onAnswer } = options;
  const secure = new URL(options.url).protocol === "https:";
  const agent = secure
    ? new TlsAgent({
        keepAlive: true,
        maxSockets: MOST_SOCKETS,
        minVersion: "TLSv1.2",
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      })
    : new PlainAgent({ keepAlive: true, maxSockets: MOST_SOCKETS });
  let asked = 0;
  return {
    ask: async (method, params) => {
      asked += 1;
      const id = asked;
      try {
        const signal = AbortSignal.any([stopping, AbortSignal.timeout(options.timeoutMs)]);
        const body = JSON.stringify({ jsonrpc: "1.0", id, method, params });
        const answer = readAnswer(await exchange(options, secure, agent, body, signal), id);
        onAnswer?.(method, answer.ok ? "ok" : "refused");
        return answer;
      } catch (error) {
        const fault = toFault(error, method);
        if (!stopping.aborted) onAnswer?.(method, fault.word);
        throw fault;
      }
    },
    close: () => agent.destroy(),
  };
}

type Exchanged = { readonly status: number; readonly text: string };

function exchange(
  options: ConnectionOptions,
  secure: boolean,
  agent: Agent,
  body: string,
  signal: AbortSignal,
): Promise<Exchanged> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchanged>();
  const headers = {
    authorization: `Basic ${Buffer.from(readCredentials(options.credentials)).toString("base64")}`,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  };
  const request = (secure ? tlsRequest : plainRequest)(options.url, { method: "POST", agent, headers, signal });
  request.on("response", (response) => collect(response).then(resolve, reject));
  request.on("error", (error) => {
    // The node closed a connection that was kept at the moment in which it was used again: that says nothing.
    const isStale = request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(codeOf(error)) && !signal.aborted;
    if (isStale) exchange(options, secure, agent, body, signal).then(resolve, reject);
    else reject(error);
  });
  request.end(body);
  return promise;
}

async function collect(response: IncomingMessage): Promise<Exchanged> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LONGEST_ANSWER_BYTES) {
      response.destroy();
      throw new NodeFault("nonsense", `an answer of more than ${LONGEST_ANSWER_BYTES} bytes`);
    }
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") };
}

const envelope = z.object({
  id: z.unknown(),
  result: z.unknown(),
  error: z.object({ code: z.number(), message: z.string() }).nullable().optional(),
});

/** bitcoind answers a refusal with HTTP 500 or 404 and the same envelope. */
function readAnswer({ status, text }: Exchanged, id: number): RpcAnswer {
  if (status === 401 || status === 403) throw new NodeFault("unauthorised", `HTTP ${status}`);
  if (status === 503) throw new NodeFault("slow", "HTTP 503: it has too much to do");
  const read = envelope.safeParse(parseJson(text));
  if (!read.success || read.data.id !== id)
    throw new NodeFault("nonsense", `HTTP ${status}, and no answer to this question`);
  const { result, error } = read.data;
  if (error?.code === IN_WARMUP) throw new NodeFault("warming-up", error.message);
  return error ? { ok: false, refusal: error } : { ok: true, result };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readCredentials(credentials: Credentials): string {
  if ("user" in credentials) return `${credentials.user}:${credentials.password}`;
  try {
    return readFileSync(credentials.cookieFile, "utf8").trim();
  } catch (error) {
    throw new NodeFault("unauthorised", `its cookie file cannot be read (${codeOf(error)})`);
  }
}

function toFault(error: unknown, method: string): NodeFault {
  if (error instanceof NodeFault) return new NodeFault(error.word, `${method}: ${error.message}`, { cause: error });
  const code = codeOf(error);
  const name = error instanceof Error ? error.name : "";
  const isLate = name === "TimeoutError" || name === "AbortError";
  const word = isLate ? "slow" : isCertificateFault(code) ? "untrusted" : "unreachable";
  const why = isLate ? "no answer in time" : error instanceof Error ? error.message || code : String(error);
  return new NodeFault(word, `${method}: ${why}`, { cause: error });
}

/** OpenSSL's words for a certificate that does not verify (X509_V_ERR_…), and Node's for a wrong name. */
function isCertificateFault(code: string): boolean {
  return (
    /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|ERR_TLS_CERT|ERR_SSL)/.test(code) ||
    code === "EPROTO"
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
}
