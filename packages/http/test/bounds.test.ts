// Who sends slowly, too much at once, or opens connections without end, takes up nobody's place.
import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createHttpServer } from "../src/index.ts";
import { collectedLog } from "./collected-log.ts";
import { refusal } from "./refusal.ts";
import { type Serving, serving } from "./serving.ts";

const HEAD = "POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n";

/** Sends one byte after the other, slower than anybody would, until it is cut off; resolves to what it was told. */
async function drip({ port }: Serving, bytes: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  onTestFinished(() => void socket.destroy());
  let told = "";
  socket.setEncoding("utf8").on("data", (text) => {
    told += text;
  });
  socket.on("error", () => {});
  let sent = 0;
  const timer = setInterval(() => {
    if (socket.writable && sent < bytes.length) socket.write(bytes.charAt(sent));
    sent += 1;
  }, 40);
  await once(socket, "close");
  clearInterval(timer);
  return told;
}

test("a request that arrives too slowly, in its head or in its body, is answered 408 and cut off; others are served meanwhile", async () => {
  const at = await serving({
    bounds: { arriveWithinMs: 400 },
    overload: { maxEventLoopDelayMs: 60_000, maxInHand: 2 },
  });
  const slow = Array.from({ length: 30 }, (_, n) =>
    drip(at, n % 2 === 0 ? HEAD : `${HEAD.slice(0, -4)}\r\nx: ${"y".repeat(999)}`),
  );
  for (let n = 0; n < 5; n += 1) expect((await fetch(`${at.address}/v1/things/${n}`)).status).toBe(200);
  const told = await Promise.all(slow);
  for (const answer of told) {
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"REQUEST_TIMEOUT"');
  }
  expect((await fetch(`${at.address}/v1/things/1`)).status).toBe(200);
});

test("more requests than may be in hand: OVERLOADED with Retry-After, nothing done for them; then they are served again", async () => {
  const overload = { maxEventLoopDelayMs: 60_000, maxInHand: 3 };
  const server = await createHttpServer({ logger: collectedLog().logger, overload });
  onTestFinished(() => server.close());
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const begun: string[] = [];
  server.get("/v1/waiting/:id", async (request) => {
    begun.push((request.params as { readonly id: string }).id);
    await finished;
    return {};
  });
  server.get("/v1/quick", async () => ({}));
  const at = { address: await server.listen({ host: "127.0.0.1", port: 0 }) };
  const gone = new AbortController();
  const waiting = ["a", "b"].map((id) => fetch(`${at.address}/v1/waiting/${id}`));
  const leaving = fetch(`${at.address}/v1/waiting/c`, { signal: gone.signal }).catch(() => undefined);
  await expect.poll(() => begun.length).toBe(3);
  for (const id of ["d", "e"]) {
    const refused = await fetch(`${at.address}/v1/waiting/${id}`);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refusal(refused)).toMatchObject({ status: 503, code: "OVERLOADED" });
  }
  expect(begun.toSorted()).toEqual(["a", "b", "c"]);
  expect((await fetch(`${at.address}/healthz`)).status).toBe(200);
  // Who goes away before the answer makes room too.
  gone.abort();
  await leaving;
  await expect.poll(async () => (await fetch(`${at.address}/v1/quick`)).status).toBe(200);
  finish();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  expect((await fetch(`${at.address}/v1/waiting/f`)).status).toBe(200);
});

test("more connections than may be are not accepted, and those that are stay", async () => {
  const at = await serving({ bounds: { maxConnections: 3 } });
  const open = await Promise.all(
    [1, 2, 3].map(async () => {
      const socket = connect({ host: "127.0.0.1", port: at.port });
      onTestFinished(() => void socket.destroy());
      await once(socket, "connect");
      return socket;
    }),
  );
  const counted = () => new Promise<number>((done) => at.server.server.getConnections((_, count) => done(count)));
  await expect.poll(counted).toBe(3);
  const fourth = connect({ host: "127.0.0.1", port: at.port });
  fourth.on("error", () => {});
  await once(fourth, "close");
  const [first] = open;
  first?.write("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
  const [answer] = (await once(first ?? fourth, "data")) as [Buffer];
  expect(answer.toString("utf8")).toMatch(/^HTTP\/1\.1 200 /);
});
