// Limits: too many requests, a server that is late, and whose word about the client's address counts.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { refusal } from "./refusal.ts";
import { type Serving, serving } from "./serving.ts";

describe("limits", () => {
  test("on requests: RATE_LIMITED says when again, for each key apart, and health is never limited", async () => {
    const at = await serving({
      rateLimit: { max: 2, windowMs: 60_000, key: ({ headers }) => String(headers["x-key"]) },
    });
    const ask = (key: string, path = "/v1/things/1") => fetch(at.address + path, { headers: { "x-key": key } });
    expect((await ask("a")).status).toBe(200);
    expect((await ask("a")).status).toBe(200);
    const limited = await ask("a");
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refusal(limited)).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    expect((await ask("b")).status).toBe(200);
    for (let n = 0; n < 5; n += 1) expect((await ask("a", "/healthz")).status).toBe(200);
  });

  test("on requests hold for unknown paths too", async () => {
    const at = await serving({ rateLimit: { max: 1, windowMs: 60_000 } });
    expect((await fetch(`${at.address}/nowhere`)).status).toBe(404);
    expect((await fetch(`${at.address}/nowhere`)).status).toBe(429);
  });

  test("on lateness: OVERLOADED, while health still answers", async () => {
    const at = await serving({ overload: { maxEventLoopDelayMs: 50 } });
    const status = async (path: string) => (await fetch(at.address + path)).status;
    expect(await status("/v1/things/1")).toBe(200);
    const lateUntilMs = performance.now() + 1_500;
    while (performance.now() < lateUntilMs) createHash("sha256").update("busy").digest();
    const [thing, health] = await Promise.all([fetch(`${at.address}/v1/things/1`), status("/healthz")]);
    expect(await refusal(thing)).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(thing.headers.get("retry-after")).toBe("1");
    expect(health).toBe(200);
  });
});

describe("the client's address", () => {
  const ask = async ({ address }: Serving) => {
    const answer = await fetch(`${address}/v1/things/1`, { headers: { "x-forwarded-for": "203.0.113.7" } });
    return ((await answer.json()) as { readonly from: string }).from;
  };

  test("is believed of no proxy unless told", async () => {
    expect(await ask(await serving())).toBe("127.0.0.1");
    expect(await ask(await serving({ trustProxy: ["10.0.0.0/8"] }))).toBe("127.0.0.1");
    expect(await ask(await serving({ trustProxy: ["127.0.0.1"] }))).toBe("203.0.113.7");
  });
});
