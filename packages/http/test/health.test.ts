// What the server says about itself: alive, ready or not and why, metrics, and its routes as OpenAPI.
import { describe, expect, onTestFinished, test } from "vitest";
import { createHttpServer } from "../src/index.ts";
import { collectedLog } from "./collected-log.ts";
import { refusal } from "./refusal.ts";
import { serving } from "./serving.ts";

describe("what the server says about itself", () => {
  test("/healthz: alive", async () => {
    expect(await (await fetch(`${(await serving()).address}/healthz`)).json()).toMatchObject({ status: "alive" });
  });

  test("/readyz: each dependency, and 503 while one is not there", async () => {
    let ok = true;
    const ready = async () => [
      { name: "database", ok: true, detail: "answers" },
      { name: "broker", ok, detail: ok ? "connected" : "no connection" },
    ];
    const { address } = await serving({ ready });
    const answer = await fetch(`${address}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "ready", dependencies: await ready() });
    ok = false;
    expect(await refusal(await fetch(`${address}/readyz`))).toMatchObject({
      status: 503,
      code: "NOT_READY",
      detail: "broker",
      dependencies: await ready(),
    });
  });

  test("/readyz: 503 when the question itself hangs, 500 when it fails", async () => {
    const hanging = await serving({ ready: () => new Promise(() => {}) });
    expect(await refusal(await fetch(`${hanging.address}/readyz`))).toMatchObject({ status: 503, detail: "readiness" });
    const failing = await serving({ ready: () => Promise.reject(new Error("MATERIAL")) });
    expect(await refusal(await fetch(`${failing.address}/readyz`))).toMatchObject({ status: 500, code: "INTERNAL" });
  });

  test("/metrics: the text that it is given", async () => {
    const answer = await fetch(`${(await serving()).address}/metrics`);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toBe("sluice_example_total 1\n");
  });

  test("/v1/openapi.json: OpenAPI 3.1 from the same schemas, without what is hidden", async () => {
    const { address } = await serving();
    const document = (await (await fetch(`${address}/v1/openapi.json`)).json()) as {
      readonly openapi: string;
      readonly paths: Readonly<Record<string, unknown>>;
    };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths).filter((path) => path.startsWith("/v1/things"))).toEqual([
      "/v1/things",
      "/v1/things/{id}",
    ]);
    expect(Object.keys(document.paths)).not.toContain("/healthz");
    expect(JSON.stringify(document.paths["/v1/things"])).toContain('"required":["name","amount"]');
  });

  test("a public port is alive, and has neither /readyz nor /metrics", async () => {
    const { logger } = collectedLog();
    const server = await createHttpServer({ logger });
    onTestFinished(() => server.close());
    const address = await server.listen({ host: "127.0.0.1", port: 0 });
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    for (const path of ["/readyz", "/metrics"]) {
      expect(await refusal(await fetch(`${address}${path}`))).toMatchObject({ status: 404, code: "ROUTE_UNKNOWN" });
    }
  });

  test("nothing of OpenAPI unless told", async () => {
    const { logger } = collectedLog();
    const server = await createHttpServer({ logger, metricsText: async () => "", ready: async () => [] });
    const address = await server.listen({ host: "127.0.0.1", port: 0 });
    expect((await fetch(`${address}/v1/openapi.json`)).status).toBe(404);
    await server.close();
  });
});
