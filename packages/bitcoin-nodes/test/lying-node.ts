// A proxy in front of a real node that passes questions on and changes what comes back, and counts how often it did.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Asked = { readonly method: string; readonly params: readonly unknown[] };

export type Told =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } }
  | { readonly raw: string; readonly status: number }
  | { readonly how: "half" | "endless" | "slowly" | "silence" | "reset" | "another-id" };

/** Undefined for a question that it answers truly. `truth` asks the real node, and has its effects there. */
export type Lie = (asked: Asked, truth: () => Promise<unknown>) => Promise<Told | undefined> | Told | undefined;

export type LyingNode = {
  readonly url: string;
  readonly lie: (lie: Lie | null) => void;
  /** Since the lie was set. */
  readonly told: () => number;
  readonly close: () => Promise<void>;
};

type Envelope = { readonly id: unknown; readonly method: string; readonly params: readonly unknown[] };

export async function openLyingNode(rpcUrl: string): Promise<LyingNode> {
  let lie: Lie | null = null;
  let told = 0;
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts).toString();
    const { id, method, params } = JSON.parse(body) as Envelope;
    const truth = () => askNode(rpcUrl, method, params);
    const changed = await lie?.({ method, params }, async () => {
      const { result, error } = await truth();
      if (error !== null) throw new Error(error.message);
      return result;
    });
    if (changed === undefined) return end(response, 200, JSON.stringify({ id, ...(await truth()) }));
    told += 1;
    tell(response, id, changed);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lie: (next) => {
      lie = next;
      told = 0;
    },
    told: () => told,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function tell(response: ServerResponse, id: unknown, told: Told): void {
  const whole = JSON.stringify({ id: "somebody's", result: {}, error: null });
  if ("result" in told) end(response, 200, JSON.stringify({ id, result: told.result, error: null }));
  else if ("error" in told) end(response, 500, JSON.stringify({ id, result: null, error: told.error }));
  else if ("raw" in told) end(response, told.status, told.raw);
  else if (told.how === "another-id") end(response, 200, whole);
  else if (told.how === "reset") response.socket?.resetAndDestroy();
  else if (told.how === "half") {
    response.writeHead(200, { "content-length": whole.length });
    response.write(whole.slice(0, whole.length / 2), () => response.destroy());
  } else if (told.how === "endless") {
    response.writeHead(200);
    pour(response);
  } else if (told.how === "slowly") {
    response.writeHead(200);
    drip(response);
  }
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(text);
}

const FLOOD = Buffer.alloc(256 * 1024, " ");

function pour(response: ServerResponse): void {
  if (response.destroyed) return;
  response.write(FLOOD, () => setImmediate(() => pour(response)));
}

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(timer));
}

export type NodeAnswer = {
  readonly result: unknown;
  readonly error: { readonly code: number; readonly message: string } | null;
};

/** The address carries the credentials. */
export async function askNode(rpcUrl: string, method: string, params: readonly unknown[]): Promise<NodeAnswer> {
  const { origin, pathname, username, password } = new URL(rpcUrl);
  const response = await fetch(`${origin}${pathname}`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` },
    body: JSON.stringify({ method, params }),
  });
  const { result, error } = (await response.json()) as NodeAnswer;
  return { result, error };
}
