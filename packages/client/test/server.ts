// A real HTTP server that verifies what it is sent as the front door does, and answers as a test tells it to.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createTrust, type TrustFile, verifyRequest } from "@sluice/contracts";
import { onTestFinished } from "vitest";

export type Received = {
  readonly method: string;
  readonly target: string;
  readonly body: string;
  /** The nonce when the signature held, otherwise the code of its refusal. */
  readonly signature: { readonly nonce: string } | { readonly refused: string };
};

export type Step = (response: ServerResponse) => void;

/** Answers the first request with the first step, and so on; the last step answers all that come later. */
export async function startServer(trust: TrustFile, steps: readonly Step[]) {
  const received: Received[] = [];
  const known = createTrust(trust);
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    received.push(read(request, body));
    steps[Math.min(received.length, steps.length) - 1]?.(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, received };

  function read({ method = "", url = "", headers }: IncomingMessage, body: Uint8Array<ArrayBuffer>): Received {
    const [path = "", query] = url.split(/(?=\?)/, 2);
    const text = (name: string) => String(headers[name] ?? "");
    const verified = verifyRequest(known, {
      ...{ method, authority: text("host"), path, query: query ?? "", body, contentType: text("content-type") },
      ...{ contentDigest: text("content-digest"), signatureInput: text("signature-input") },
      signature: text("signature"),
    });
    const signature = verified.ok ? { nonce: verified.value.nonce } : { refused: verified.refusal.code };
    return { method, target: url, body: Buffer.from(body).toString("utf8"), signature };
  }
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new Uint8Array(Buffer.concat(chunks));
}

export const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Step =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };

export const problem = (status: number, code: string, more: Readonly<Record<string, unknown>> = {}): Step =>
  json(status, {
    type: `urn:sluice:problem:${code}`,
    title: "refused",
    status,
    code,
    detail: `it is ${code}`,
    ...more,
  });

/** The connection breaks after the request was read: whether it took effect is unknown. */
export const breakOff: Step = (response) => {
  response.socket?.destroy();
};

/** The answer begins, and never ends. */
export const hang: Step = (response) => {
  response.writeHead(200, { "content-type": "application/json" }).write("{");
};
