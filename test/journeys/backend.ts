// The exchange's backend as it is told of its withdrawals: a server that takes webhooks and believes what is signed.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { verifyWebhook, type WebhookEvent } from "@sluice/client";

type Received = { readonly id: string; readonly event: WebhookEvent };

export function openBackend() {
  const key = `whsec_${randomBytes(32).toString("base64")}`;
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const verified = verifyWebhook({
      ...{ body: Buffer.concat(chunks), headers: request.headers, keys: [key], nowMs: Date.now() },
    });
    if (verified.ok) received.push({ id: verified.id, event: verified.event });
    response.writeHead(verified.ok ? 204 : 401).end();
  });
  return {
    received: (): readonly Received[] => [...received],
    /** Resolves to what a stack has to be told of it. */
    listen: async () => {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const url = `http://127.0.0.1:${address.port}/`;
      return { endpoints: [{ name: "backend", url, since: "2020-01-01T00:00:00Z" }], keys: { backend: [key] } };
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
