// Many withdrawals in one request: each its own result, each with a signature that the semi-offline zone can verify; and finding them again.
import { createTrust, verifyRequest } from "@sluice/contracts";
import type { HttpServer } from "@sluice/http";
import { transaction } from "@sluice/postgres";
import { loadRequests } from "@sluice/risk-memory";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { askInProcess, openInProcess, signedItem } from "./in-process.ts";
import { trustEntry } from "./keys.ts";
import { countRows, createSharedWorld, type Keys } from "./world.ts";

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let keys: Keys;
let api: HttpServer;
const cleanUps: (() => Promise<void>)[] = [];

beforeAll(async () => {
  shared = await createSharedWorld();
  keys = shared.world.keys;
  api = await openInProcess(shared.world, (cleanUp) => cleanUps.push(cleanUp));
});
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  await shared.end();
});

type Result = {
  readonly status: number;
  readonly withdrawal: { readonly id: string } | null;
  readonly problem: { readonly code: string } | null;
};

const withdrawal = (id: string, change: object = {}) => ({
  ...{ id, account: "acme", asset: "BTC", amount: "10000", address: addressNumber(1) },
  ...change,
});
const post = async (withdrawals: unknown, key = keys.backend) => {
  const { status, body, headers } = await askInProcess(api, {
    ...{ key, method: "POST", path: "/v1/withdrawals/bulk", body: { withdrawals } },
  });
  const results = (body["results"] ?? []) as readonly Result[];
  return {
    status,
    code: body["code"],
    headers,
    results,
    codes: results.map(({ status, problem }) => problem?.code ?? status),
  };
};

describe("a bulk request", () => {
  it("of the most there may be is answered one by one, in order, and stored as if each had been posted by itself", async () => {
    const some = Array.from({ length: 1_000 }, (_, n) => withdrawal(`bulk-${n}`, n % 100 === 7 ? { amount: "1" } : {}));
    const { status, results } = await post(some.map((each) => signedItem(keys.backend, each)));
    expect(status).toBe(200);
    expect(results.map((one) => one.withdrawal?.id ?? one.problem?.code)).toEqual(
      some.map(({ id, amount }) => (amount === "1" ? "AMOUNT_DUST" : id)),
    );
    expect(await countRows(shared.world.pool, "withdrawal where id like 'bulk-%'")).toBe(990);
    const trust = createTrust([trustEntry(keys.backend)]);
    for (const id of ["bulk-0", "bulk-500", "bulk-999"]) {
      const stored = (await transaction(shared.world.pool, (tx) => loadRequests(tx, [id]))).get(id);
      if (stored === undefined) throw new Error(`the request of ${id} is gone`);
      expect([stored.path, verifyRequest(trust, stored).ok]).toEqual(["/v1/withdrawals", true]);
      expect(JSON.parse(Buffer.from(stored.body).toString())).toEqual(withdrawal(id));
    }
    // All of them again, signed anew: nothing is paid twice, and nothing is stored.
    const again = await post(some.slice(0, 20).map((each) => signedItem(keys.backend, each)));
    expect(again.codes).toEqual(some.slice(0, 20).map(({ amount }) => (amount === "1" ? "AMOUNT_DUST" : 202)));
    expect(await countRows(shared.world.pool, "withdrawal where id like 'bulk-%'")).toBe(990);
  });

  it("refuses what is wrong with one, and takes the others", async () => {
    const item = (id: string, change: object = {}) => signedItem(keys.backend, withdrawal(id, change));
    const sound = item("each-1");
    const { codes } = await post([
      sound,
      sound,
      { ...item("each-2"), body: JSON.stringify(withdrawal("each-2", { amount: "99999" })) },
      signedItem(keys.limited, withdrawal("each-3")),
      signedItem(keys.backend, withdrawal("each-4"), { ageMs: 3_600_000 }),
      { ...item("each-5"), signature: "sluice=:AAAA:" },
      { ...item("each-6"), body: "{" },
      item("each-7", { address: "to my friend" }),
      item("each-8"),
    ]);
    expect(codes.toSpliced(0, 2)).toEqual([
      ...["SIGNATURE_INVALID", "ITEM_KEY_DIFFERS", "SIGNATURE_STALE", "SIGNATURE_MALFORMED"],
      ...["SIGNATURE_INVALID", "ADDRESS_MALFORMED", 202],
    ]);
    expect(codes.slice(0, 2).map(String).toSorted()).toEqual(["202", "SIGNATURE_REPLAYED"]);
    expect((await post([item("each-1", { amount: "20000" }), item("each-9")])).codes).toEqual([
      "WITHDRAWAL_ID_REUSED",
      202,
    ]);
    expect(await countRows(shared.world.pool, "withdrawal where id like 'each-%'")).toBe(3);
  });

  it("is bounded, and asks for the same of the key as one withdrawal", async () => {
    const one = signedItem(keys.backend, withdrawal("none"));
    expect(await post(Array.from({ length: 1_001 }, () => one))).toMatchObject({
      status: 400,
      code: "REQUEST_INVALID",
    });
    expect(await post([])).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
    expect(await post("x".repeat(2_100_000))).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
    expect(await post([one], keys.reader)).toMatchObject({ status: 403, code: "SCOPE_MISSING" });
    const limited = (change: object) => signedItem(keys.limited, withdrawal("none", change));
    expect((await post([limited({ account: "other" }), limited({ amount: "50001" })], keys.limited)).codes).toEqual([
      "ACCOUNT_NOT_PERMITTED",
      "KEY_LIMIT_EXCEEDED",
    ]);
    expect(await countRows(shared.world.pool, "withdrawal where id = 'none'")).toBe(0);
  });
});

describe("an Idempotency-Key", () => {
  it.each([
    ["idem-1", 202, undefined],
    ['"idem-1"', 202, undefined],
    ["idem-2", 422, "IDEMPOTENCY_KEY_MISMATCH"],
    ["", 422, "IDEMPOTENCY_KEY_MISMATCH"],
  ])("%j is the withdrawal's id, or refused by name", async (key, status, code) => {
    const answer = await askInProcess(api, {
      ...{ key: keys.backend, method: "POST", path: "/v1/withdrawals", body: withdrawal("idem-1") },
      headers: { "idempotency-key": key },
    });
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
  });
});

describe("the list", () => {
  it("is searched by destination in any spelling, asset, amount and time, all at once, page by page", async () => {
    const there = addressNumber(77);
    for (const n of [1, 2, 3, 4, 5]) {
      const body = withdrawal(`find-${n}`, {
        address: there,
        amount: String(n * 1_000),
        account: n === 5 ? "other" : "acme",
      });
      expect(
        (await askInProcess(api, { key: keys.backend, method: "POST", path: "/v1/withdrawals", body })).status,
      ).toBe(202);
    }
    const list = async (query: Readonly<Record<string, string>>, key = keys.backend) => {
      const { status, body } = await askInProcess(api, {
        key,
        path: "/v1/withdrawals",
        query: `?${new URLSearchParams(query)}`,
      });
      const found = (body["withdrawals"] ?? []) as readonly { readonly id: string; readonly receivedAtMs: number }[];
      return { status, code: body["code"], next: body["nextCursor"], found, ids: found.map(({ id }) => id) };
    };
    const all = await list({ address: there });
    expect(all.ids).toEqual(["find-5", "find-4", "find-3", "find-2", "find-1"]);
    expect((await list({ address: there.toUpperCase(), amountMin: "2000", amountMax: "4000" })).ids).toEqual([
      "find-4",
      "find-3",
      "find-2",
    ]);
    expect((await list({ address: there, account: "other" })).ids).toEqual(["find-5"]);
    expect((await list({ address: there }, keys.limited)).ids).toEqual(["find-4", "find-3", "find-2", "find-1"]);
    expect((await list({ address: there, asset: "ETH" })).ids).toEqual([]);
    const at = all.found[2]?.receivedAtMs ?? 0;
    const before = (await list({ address: there, receivedBeforeMs: String(at) })).ids;
    const from = (await list({ address: there, receivedFromMs: String(at) })).ids;
    expect([...from, ...before]).toEqual(all.ids);
    expect(from).toContain("find-3");
    const first = await list({ address: there, limit: "3" });
    expect([...first.ids, ...(await list({ address: there, limit: "3", cursor: String(first.next) })).ids]).toEqual(
      all.ids,
    );
    expect(await list({ address: "to my friend" })).toMatchObject({ status: 422, code: "ADDRESS_MALFORMED" });
    expect(await list({ amountMin: "1.5" })).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
  });
});
