// Too much at once, too large or too deep: refused with when again, and nothing of it is kept.

import type { HttpServer } from "@sluice/http";
import { watchBacklog } from "@sluice/judging";
import { createLogger } from "@sluice/runtime";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askInProcess, openInProcess, signedItem } from "./in-process.ts";
import { countRows, createSharedWorld, type Keys, newWithdrawal } from "./world.ts";

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let keys: Keys;
let api: HttpServer;
let full = false;
const cleanUps: (() => Promise<void>)[] = [];

beforeAll(async () => {
  shared = await createSharedWorld();
  keys = shared.world.keys;
  api = await openInProcess(
    shared.world,
    (cleanUp) => cleanUps.push(cleanUp),
    () => ({ isFull: () => full }),
  );
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await shared.end();
});

const body = (id: string) => ({ ...newWithdrawal(), amount: "10000", id });
const post = (sent: unknown, path = "/v1/withdrawals") =>
  askInProcess(api, { key: keys.backend, method: "POST", path, body: sent });
const kept = async () =>
  Promise.all(
    ["withdrawal_request", "withdrawal", "request_nonce", "outbox"].map((table) => countRows(shared.world.pool, table)),
  );

it("while too many wait to be judged: OVERLOADED with Retry-After, nothing kept, not even the nonce; then taken again", async () => {
  const { pool } = shared.world;
  expect((await post(body("over-1"))).status).toBe(202);
  expect((await post(body("over-2"))).status).toBe(202);
  // Nobody judges here: two wait, and one that looks finds it so.
  const backlogs = [2, 3].map((most) =>
    watchBacklog({ pool, most, logger: createLogger({ service: "test", level: "fatal" }) }),
  );
  for (const backlog of backlogs) {
    cleanUps.push(async () => backlog.stop());
    await backlog.look();
  }
  expect(backlogs.map(({ isFull }) => isFull())).toEqual([true, false]);
  full = true;
  const before = await kept();
  const single = await post(body("over-3"));
  const many = await post({ withdrawals: [signedItem(keys.backend, body("over-4"))] }, "/v1/withdrawals/bulk");
  for (const refused of [single, many]) {
    expect([refused.status, refused.body["code"], refused.headers["retry-after"]]).toEqual([503, "OVERLOADED", "1"]);
  }
  expect(await kept()).toEqual(before);
  // Whoever asks how a withdrawal stands is answered all the same.
  expect((await askInProcess(api, { key: keys.backend, path: "/v1/withdrawals/over-1" })).status).toBe(200);
  full = false;
  expect((await post(body("over-3"))).status).toBe(202);
});

it("a body that is too large or too deep is refused before anything is done for it", async () => {
  const before = await kept();
  const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const nested = (levels: number) => `${'{"id":'.repeat(levels)}1${"}".repeat(levels)}`;
  const told = [];
  for (const text of ["x".repeat(16 * 1024 + 1), deep(8_000), nested(2_000)]) {
    const { status, body: problem } = await post(text);
    told.push([status, problem["code"]]);
  }
  // Signals may be many: their route reads more, and no deeper.
  const signals = await post(`{"signals":${deep(400_000)}}`, "/v1/signals");
  expect(told[0]).toEqual([413, "BODY_TOO_LARGE"]);
  for (const [status] of [...told.slice(1), [signals.status]]) expect([400, 422]).toContain(status);
  // Who signs such a body has spent a nonce, and nothing else is there.
  const after = await kept();
  expect(after.filter((_, at) => at !== 2)).toEqual(before.filter((_, at) => at !== 2));
});

it("beyond the requests that the setting allows an address: RATE_LIMITED, whatever the key may do", async () => {
  const limits = { requestsPerSecond: 3, inHand: 500 };
  const narrow = await openInProcess(
    shared.world,
    (cleanUp) => cleanUps.push(cleanUp),
    () => ({ limits }),
  );
  const ask = () => askInProcess(narrow, { key: keys.reader, path: "/v1/withdrawals" });
  expect((await ask()).status).toBe(200);
  const codes = (await Promise.all(Array.from({ length: 60 }, ask))).map(({ status }) => status);
  // They would have to take twenty seconds for none to be refused.
  expect(codes).toContain(429);
  expect(codes.every((code) => code === 200 || code === 429)).toBe(true);
});
