// Allow-lists, from the API to the verdict: an entry counts after its delay, its removal at once, and nothing else is paid to.

import { readFileSync, writeFileSync } from "node:fs";
import type { SluiceClient } from "@sluice/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { createKey, type TestKey } from "./keys.ts";
import type { Running } from "./process.ts";
import { type Answer, send } from "./raw-request.ts";
import { clientOf, countRows, createSharedWorld, newWithdrawal } from "./world.ts";

const ACTIVATION_MS = 2_000;

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let running: Running;
let client: SluiceClient;
let warden: SluiceClient;
let wardenKey: TestKey;

beforeAll(async () => {
  shared = await createSharedWorld({ policy: { allowList: { activationMs: ACTIVATION_MS, otherwise: "reject" } } });
  const { keys, env } = shared.world;
  // Two keys that are in the world already get the scope, as an operator would give it.
  const path = env["SLUICE_API_KEYS_FILE"] ?? "";
  const rows = JSON.parse(readFileSync(path, "utf8")) as readonly {
    readonly keyId: string;
    readonly scopes: readonly string[];
  }[];
  const given = rows.map((row) =>
    [keys.reader.keyId, keys.limited.keyId].includes(row.keyId)
      ? { ...row, scopes: [...row.scopes, "destinations"] }
      : row,
  );
  writeFileSync(path, JSON.stringify(given));
  running = await shared.world.start();
  client = clientOf(running, keys.backend);
  wardenKey = keys.reader;
  warden = clientOf(running, wardenKey);
});
afterAll(() => shared.end());

/** Resolves to the state after the verdict, and the finding of the rule. */
async function judged(account: string, address: string, until: "cleared" | "delayed" = "cleared") {
  const { id } = await client.createWithdrawal(newWithdrawal({ account, address }));
  const { state, findings } = await client.waitFor(id, [until, "delayed", "held"], { pollMs: 50 });
  return { id, state, finding: findings.findLast(({ rule }) => rule === "ALLOW_LIST")?.verdict };
}

describe("an account's allow-list", () => {
  it("asks nothing until it is switched on", async () => {
    expect(await warden.getAllowList("quiet")).toEqual({ isEnforced: false, enforcedUntilMs: null });
    expect(await judged("quiet", addressNumber(500))).toMatchObject({ state: "cleared", finding: undefined });
  });

  it("refuses what is not listed at once, waits for what is new, clears what is active, and forgets at once", async () => {
    const [listed, other] = [addressNumber(501), addressNumber(502)];
    expect(await warden.enforceAllowList("acme", true)).toEqual({ isEnforced: true, enforcedUntilMs: null });
    expect(await judged("acme", other)).toMatchObject({ state: "rejected", finding: "reject" });
    const entry = await warden.allowDestination("acme", { address: listed, label: "cold store" });
    expect(entry).toMatchObject({ address: listed, label: "cold store", addedBy: wardenKey.keyId, isActive: false });
    expect(entry.activeFromMs - entry.addedAtMs).toBe(ACTIVATION_MS);
    // It waits for the entry, and is cleared by itself when that counts.
    const early = await judged("acme", listed.toUpperCase(), "delayed");
    expect(early).toMatchObject({ state: "delayed", finding: "delay" });
    const cleared = await client.waitFor(early.id, ["cleared"], { pollMs: 50 });
    expect(cleared.changedAtMs).toBeGreaterThanOrEqual(entry.activeFromMs);
    // Adding it again does not begin anew.
    expect(await warden.allowDestination("acme", { address: listed })).toMatchObject({
      addedAtMs: entry.addedAtMs,
      isActive: true,
    });
    expect(await judged("acme", listed)).toMatchObject({ state: "cleared", finding: "clear" });
    expect(await warden.removeDestination("acme", listed.toUpperCase())).toEqual({ removed: true });
    expect(await warden.removeDestination("acme", listed)).toEqual({ removed: false });
    expect(await judged("acme", listed)).toMatchObject({ state: "rejected", finding: "reject" });
    expect(await countRows(shared.world.pool, "allowed_destination where removed_at_ms is not null")).toBe(1);
  });

  it("stays in force for the delay after it was switched off, and a second word makes that no sooner", async () => {
    await warden.enforceAllowList("off", true);
    const first = await warden.enforceAllowList("off", false);
    expect(first.isEnforced).toBe(true);
    expect(await warden.enforceAllowList("off", false)).toEqual(first);
    expect(await judged("off", addressNumber(503))).toMatchObject({ state: "rejected" });
    await expect
      .poll(() => warden.getAllowList("off"), { timeout: 20_000 })
      .toEqual({ isEnforced: false, enforcedUntilMs: null });
    expect(await judged("off", addressNumber(503))).toMatchObject({ state: "cleared", finding: undefined });
  });

  it("has the destinations of the list for all accounts too, which only a key of all accounts changes", async () => {
    const shop = addressNumber(504);
    await warden.enforceAllowList("many", true);
    await warden.allowDestination(null, { address: shop, label: "exchange B" });
    const early = await judged("many", shop, "delayed");
    expect(early.state).toBe("delayed");
    expect((await client.waitFor(early.id, ["cleared"], { pollMs: 50 })).state).toBe("cleared");
    expect((await warden.listDestinations(null)).destinations.map(({ address }) => address)).toEqual([shop]);
    const limited = clientOf(running, shared.world.keys.limited);
    await expect(limited.allowDestination(null, { address: shop })).rejects.toMatchObject({
      code: "ACCOUNT_NOT_PERMITTED",
    });
    await expect(limited.listDestinations("many")).rejects.toMatchObject({ code: "ACCOUNT_NOT_PERMITTED" });
    expect((await limited.listDestinations("acme")).destinations).toEqual([]);
  });

  it("is read page by page, newest first", async () => {
    const all = [505, 506, 507].map((number) => addressNumber(number));
    for (const address of all) await warden.allowDestination("pages", { address });
    const first = await warden.listDestinations("pages", { limit: 2 });
    const second = await warden.listDestinations("pages", { limit: 2, cursor: first.nextCursor ?? "" });
    expect([...first.destinations, ...second.destinations].map(({ address }) => address)).toEqual(all.toReversed());
    expect(second.nextCursor).toBeNull();
  });

  it.each([
    ["no scope", () => asked({ key: shared.world.keys.backend }), 403, "SCOPE_MISSING"],
    ["a key of nobody", () => asked({ key: createKey("exchange-backend") }), 401, "KEY_UNKNOWN"],
    ["no address", () => asked({ body: { address: "to my friend" } }), 422, "ADDRESS_MALFORMED"],
    [
      "another network's",
      () => asked({ body: { address: addressNumber(1, "mainnet") } }),
      422,
      "ADDRESS_WRONG_NETWORK",
    ],
    [
      "a time of its own making",
      () => asked({ body: { address: addressNumber(1), activeFromMs: 0 } }),
      400,
      "REQUEST_INVALID",
    ],
  ])("refuses %s", async (_, request, status, code) => {
    const { status: was, body } = await request();
    expect([was, body.code]).toEqual([status, code]);
  });
});

function asked({ key = wardenKey, body = { address: addressNumber(1) } as object }): Promise<Answer> {
  const target = "/v1/accounts/acme/destinations";
  return send(running.api, { key, method: "POST", target, body: JSON.stringify(body) });
}
