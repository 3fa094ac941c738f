// The exchange's backend as a real HTTPS server, which answers as it is told to and keeps what it was sent.
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { verifyWebhook, type WebhookEvent } from "@sluice/client";
import type { TestCertificate } from "@sluice/guarded-post/testing";

export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

export type Received = { readonly id: string; readonly event: WebhookEvent; readonly headers: IncomingHttpHeaders };

export type Receiver = {
  readonly url: (endpoint: string) => string;
  /** What came to an endpoint, whatever was answered. */
  readonly received: (endpoint: string) => readonly Received[];
  /** What is answered next, each once; 204 when nothing is left. */
  readonly next: (endpoint: string, ...behaviours: readonly Behaviour[]) => void;
  /** Until something takes it back: what is answered to everything that this is true of. */
  readonly whenever: (endpoint: string, refuses: ((event: WebhookEvent) => boolean) | null) => void;
  readonly close: () => Promise<void>;
};

/** @param keys what each endpoint's webhooks have to be signed with; what is not makes the receiver throw. */
export async function openReceiver(
  certificate: TestCertificate,
  keys: Readonly<Record<string, string>>,
): Promise<Receiver> {
  const received = new Map<string, Received[]>();
  const queues = new Map<string, Behaviour[]>();
  const refusals = new Map<string, (event: WebhookEvent) => boolean>();
  const queueOf = (endpoint: string) => queues.get(endpoint) ?? queues.set(endpoint, []).get(endpoint) ?? [];
  const listOf = (endpoint: string) => received.get(endpoint) ?? received.set(endpoint, []).get(endpoint) ?? [];
  const server = createServer(certificate, async (request, response) => {
    const endpoint = (request.url ?? "").slice(1);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const known = { body, headers: request.headers, keys: [keys[endpoint] ?? ""], nowMs: Date.now() };
    const verified = verifyWebhook(known);
    if (!verified.ok) throw new Error(`${endpoint} was sent what is not signed: ${verified.code}`);
    listOf(endpoint).push({ id: verified.id, event: verified.event, headers: request.headers });
    if (refusals.get(endpoint)?.(verified.event) === true) response.statusCode = 422;
    const behave =
      queueOf(endpoint).shift() ?? (() => void response.writeHead(response.statusCode === 422 ? 422 : 204).end());
    behave(response, request);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: (endpoint) => `https://127.0.0.1:${address.port}/${endpoint}`,
    received: (endpoint) => [...listOf(endpoint)],
    next: (endpoint, ...behaviours) => void queueOf(endpoint).push(...behaviours),
    whenever: (endpoint, refuses) => {
      if (refuses === null) refusals.delete(endpoint);
      else refusals.set(endpoint, refuses);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export const answer =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ""): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body);
/** The request arrived, and nobody says so. */
export const silence: Behaviour = () => undefined;
export const garbage: Behaviour = (_, { socket }) => void socket.end("SSH-2.0-OpenSSH_9.2\r\n");
export const hangUp: Behaviour = (_, { socket }) => void socket.destroy();
