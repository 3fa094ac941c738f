// Closing: what is in flight is answered, nothing new is begun, and no client can hold the server up.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createHttpServer, type HttpServer } from "../src/index.ts";
import { collectedLog } from "./collected-log.ts";

type Slow = {
  readonly server: HttpServer;
  readonly port: number;
  /** Resolves when the slow handler has begun. */
  readonly begun: Promise<void>;
  readonly finish: () => void;
  readonly handled: readonly string[];
};

/** It waits for requests in flight practically for ever unless told, so that nothing passes only by being cut off. */
async function slowServer(finishWithinMs = 600_000): Promise<Slow> {
  const { logger } = collectedLog();
  const server = await createHttpServer({
    logger,
    metricsText: async () => "",
    ready: async () => [],
    finishWithinMs,
  });
  const handled: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  server.get("/slow", async () => {
    begin();
    await finished;
    handled.push("slow");
    return { done: true };
  });
  server.get("/quick", async () => {
    handled.push("quick");
    return { done: true };
  });
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  return { server, port: Number(new URL(address).port), begun, finish, handled };
}

type Connection = { readonly socket: Socket; readonly closed: Promise<unknown>; readonly received: () => string };

async function connected({ port }: Slow): Promise<Connection> {
  const socket = connect({ host: "127.0.0.1", port });
  onTestFinished(() => void socket.destroy());
  let received = "";
  socket.setEncoding("utf8").on("data", (text) => {
    received += text;
  });
  socket.on("error", () => {});
  await once(socket, "connect");
  return { socket, closed: once(socket, "close"), received: () => received };
}

const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

test("a request in flight is answered, and its connection ends with it", async () => {
  const slow = await slowServer();
  const { socket, closed, received } = await connected(slow);
  socket.write(request("/slow"));
  await slow.begun;
  const closing = slow.server.close();
  slow.finish();
  await Promise.all([closing, closed]);
  expect(received()).toContain('{"done":true}');
});

test("no new connection is taken", async () => {
  const slow = await slowServer();
  await slow.server.close();
  await expect(fetch(`http://127.0.0.1:${slow.port}/quick`)).rejects.toThrow("fetch failed");
});

test("a request that follows on the same connection is not begun", async () => {
  const slow = await slowServer();
  const { socket, closed, received } = await connected(slow);
  socket.write(request("/slow"));
  await slow.begun;
  const closing = slow.server.close();
  const read = once(slow.server.server, "request");
  socket.write(request("/quick"));
  await read;
  slow.finish();
  await Promise.all([closing, closed]);
  expect(received()).toContain("connection: close");
  expect(received()).toContain('{"done":true}');
  expect(slow.handled).toEqual(["slow"]);
});

test.each([
  ["nothing", ""],
  ["half a request", "GET /quick HTTP/1.1\r\nho"],
])("a connection on which %s came does not hold it up", async (_, bytes) => {
  const slow = await slowServer();
  const { socket, closed } = await connected(slow);
  socket.write(bytes);
  // An answer on a second connection means that the server has accepted the first.
  await (await fetch(`http://127.0.0.1:${slow.port}/quick`)).text();
  await Promise.all([slow.server.close(), closed]);
});

test("a connection kept alive after its answer does not hold it up", async () => {
  const slow = await slowServer();
  const { socket, closed } = await connected(slow);
  socket.write(request("/quick"));
  await once(socket, "data");
  await Promise.all([slow.server.close(), closed]);
});

test("a request that never ends is cut off in the end", async () => {
  const slow = await slowServer(100);
  const { socket, closed, received } = await connected(slow);
  socket.write(request("/slow"));
  await slow.begun;
  await Promise.all([slow.server.close(), closed]);
  expect(received()).toBe("");
});
