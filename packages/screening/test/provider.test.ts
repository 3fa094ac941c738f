// The outside provider: its answer counts, its silence is a time-out, and nobody waits for it.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createLogger, createMetrics } from "@sluice/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { both, openProvider, type Provider } from "../src/index.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Handle = (body: string, response: ServerResponse, request: IncomingMessage) => void;

async function start(handle: Handle, timeoutMs = 5_000) {
  const clock = { nowMs: 1_000 };
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += String(part);
    });
    request.on("end", () => {
      bodies.push(body);
      handle(body, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/screen`;
  const logger = createLogger({ service: "test", level: "silent" });
  const metrics = createMetrics("test");
  const provider = openProvider({ url, key: "secret", timeoutMs, now: () => clock.nowMs, metrics, logger });
  closing.push(
    provider.stop,
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { provider, clock, bodies };
}

const answered = (provider: Provider) => expect.poll(() => provider.said("bitcoin", "a"), { interval: 5 });
const since = "2024-01-02T00:00:00Z";
const says =
  (...labels: readonly object[]): Handle =>
  (_, response) =>
    response.end(JSON.stringify({ labels }));

describe("a provider", () => {
  it("is asked once, beside whoever asks, and its answer counts for a while", async () => {
    const keys: (string | undefined)[] = [];
    const { provider, bodies, clock } = await start((_, response, request) => {
      keys.push(request.headers.authorization);
      response.end(JSON.stringify({ labels: [{ tier: "black", category: "scam", confidence: 80, since }] }));
    });
    expect(provider.said("bitcoin", "a")).toEqual({ kind: "pending", untilMs: 6_000 });
    const label = { tier: "black", category: "scam", confidence: 80, source: "provider", sinceMs: Date.parse(since) };
    await answered(provider).toEqual({ kind: "labels", labels: [label], version: 0, madeAtMs: 1_000 });
    expect([bodies, keys]).toEqual([['{"chain":"bitcoin","address":"a"}'], ["Bearer secret"]]);
    clock.nowMs += 600_000;
    expect(provider.said("bitcoin", "a")).toMatchObject({ kind: "pending" });
  });

  it("that does not answer has timed out: by the clock of the one who asks, and the request is given up", async () => {
    const { provider, clock } = await start(() => undefined, 100);
    expect(provider.said("bitcoin", "a")).toEqual({ kind: "pending", untilMs: 1_100 });
    clock.nowMs = 1_100;
    expect(provider.said("bitcoin", "a")).toMatchObject({ kind: "unknown", code: "PROVIDER_TIMEOUT" });
    expect(provider.said("bitcoin", "b")).toMatchObject({ kind: "pending" });
    // Asked again, once the failure is old.
    clock.nowMs += 20_000;
    expect(provider.said("bitcoin", "a")).toMatchObject({ kind: "pending" });
  });

  const wrong: readonly (readonly [string, Handle])[] = [
    ["a status", (_, response) => response.writeHead(500).end("{}")],
    ["a redirection", (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
    ["no JSON", (_, response) => response.end("<html>")],
    ["another shape", (_, response) => response.end('{"result":"ok"}')],
    ["an unknown tier", says({ tier: "green", category: "scam", confidence: 1, since })],
    ["too much", (_, response) => response.end(`{"labels":[],"x":"${"y".repeat(70_000)}"}`)],
    [
      "half of it",
      (_, response) => response.writeHead(200, { "content-length": "99" }).write("{") && response.destroy(),
    ],
  ];

  it.each(wrong)("that answers with %s has failed", async (_, handle) => {
    const { provider } = await start(handle);
    provider.said("bitcoin", "a");
    await answered(provider).toMatchObject({ kind: "unknown", code: "PROVIDER_FAILED" });
  });

  it("is not asked more than so much at once", async () => {
    const { provider } = await start(() => undefined);
    const said = Array.from({ length: 65 }, (_, number) => provider.said("bitcoin", `${number}`));
    expect(said.filter(({ kind }) => kind === "pending")).toHaveLength(64);
    expect(said.at(-1)).toMatchObject({ kind: "unknown", code: "PROVIDER_BUSY" });
  });
});

describe("store and provider together", () => {
  const label = (tier: "black" | "white", source: string) =>
    ({ tier, category: "scam", source, confidence: 1, sinceMs: 0 }) as const;
  const store = (...labels: readonly ReturnType<typeof label>[]) =>
    ({ kind: "labels", labels, version: 7, madeAtMs: 1 }) as const;
  const unknown = { kind: "unknown", code: "X", detail: "x" } as const;
  const off = { kind: "off" } as const;
  const pending = { kind: "pending", untilMs: 9 } as const;

  it("say everything that either says, and nothing that one does not know", () => {
    const [a, b] = [label("white", "a"), label("black", "provider")];
    expect(both(store(a), () => store(b))).toMatchObject({ labels: [a, b], version: 7 });
    for (const other of [unknown, pending]) expect(both(store(a), () => other)).toBe(other);
    expect(both(off, () => pending)).toBe(pending);
    // Nobody is asked about what is black or unknown anyway.
    const nobody = (): never => expect.unreachable("the provider was asked");
    expect(both(store(label("black", "a")), nobody)).toMatchObject({ kind: "labels" });
    expect(both(unknown, nobody)).toBe(unknown);
  });
});
