// A key's rate limit, as the API keeps it: said with each answer, refused with when again, and used up by nobody else.
import type { HttpServer } from "@sluice/http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askInProcess, openInProcess } from "./in-process.ts";
import { countRows, createSharedWorld, type Keys } from "./world.ts";

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let keys: Keys;
let api: HttpServer;
const cleanUps: (() => Promise<void>)[] = [];

beforeAll(async () => {
  shared = await createSharedWorld();
  keys = shared.world.keys;
  api = await openInProcess(
    shared.world,
    (cleanUp) => cleanUps.push(cleanUp),
    ({ apiKeys }) => ({
      apiKeys: {
        get: (keyId) => {
          const key = apiKeys.get(keyId);
          return key && { ...key, rateLimit: { requests: 3, windowMs: 3_600_000 } };
        },
      },
    }),
  );
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await shared.end();
});

const list = (key: Keys["backend"], headers = {}) => askInProcess(api, { key, path: "/v1/withdrawals", headers });

it("is the key's own; RATE_LIMITED spends no nonce; and whoever only has the request cannot use it up", async () => {
  for (let n = 0; n < 5; n += 1) {
    expect((await list(keys.backend, { signature: "sluice=:AAAA:" })).body["code"]).toBe("SIGNATURE_MALFORMED");
    expect((await list(keys.elsewhere)).body["code"]).toBe("IP_NOT_ALLOWED");
  }
  for (const left of [2, 1, 0]) {
    const { status, headers } = await list(keys.backend);
    expect([status, headers["ratelimit-policy"]]).toEqual([200, '"key";q=3;w=3600']);
    expect(headers["ratelimit"]).toMatch(new RegExp(`^"key";r=${left};t=[0-9]+$`));
    expect(headers["retry-after"]).toBeUndefined();
  }
  const spent = await countRows(shared.world.pool, "request_nonce");
  const refused = await list(keys.backend);
  expect([refused.status, refused.body["code"]]).toEqual([429, "RATE_LIMITED"]);
  expect(refused.headers["content-type"]).toBe("application/problem+json");
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(1_200);
  expect(refused.headers["ratelimit"]).toMatch(/^"key";r=0;t=[0-9]+$/);
  expect(await countRows(shared.world.pool, "request_nonce")).toBe(spent);
  expect((await list(keys.reader)).status).toBe(200);
});
