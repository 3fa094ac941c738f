// Backends that speak OKX's API withdraw through a real online-risk: one written from OKX's documents, and one that uses the
// public client okx-api as it is published.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createSluiceClient } from "@sluice/client";
import { createLogger } from "@sluice/runtime";
import { RestClient } from "okx-api";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { addressNumber } from "../../online-risk/test/addresses.ts";
import type { Running } from "../../online-risk/test/process.ts";
import { clientOf, createSharedWorld, type World } from "../../online-risk/test/world.ts";
import { createAuthenticate } from "../src/authenticate.ts";
import { type OkxKey, readSettings } from "../src/config.ts";
import { passphraseCheck, readPassphraseHash } from "../src/passphrase.ts";
import { openApi } from "../src/routes.ts";
import {
  DESK,
  DESK_NEW,
  ELSEWHERE,
  type Facade,
  facadeEnv,
  OTHER_DESK,
  okxBackend,
  okxHeaders,
  READER,
  runFacade,
  startFacade,
} from "./facade.ts";

let shared: Awaited<ReturnType<typeof createSharedWorld>>;
let world: World;
let risk: Running;
let env: Record<string, string>;
let facade: Facade;
let desk: ReturnType<typeof okxBackend>;

beforeAll(async () => {
  // Above 20,000 a person has to approve, and above 40,000 two of what the facade asked for; customers pay the fee.
  const policy = {
    ...{ newDestination: { aboveMinor: "20000", approvals: 1 }, fees: { BTC: { payer: "customer" } } },
    origins: [{ keyId: "limited", hold: { aboveMinor: "40000", approvals: 2 } }],
  };
  shared = await createSharedWorld({ policy });
  world = shared.world;
  risk = await world.start();
  env = await facadeEnv(world, risk.api, shared.defer);
  facade = await startFacade(env, shared.defer);
  desk = okxBackend(facade.api, DESK);
});

afterAll(() => shared.end());

let lastNumber = 0;
function wanted(change: object = {}) {
  lastNumber += 1;
  return { amt: "0.0001", toAddr: addressNumber(5_000 + lastNumber), clientId: `C${lastNumber}`, ...change };
}

const stored = async (clientId: string) =>
  (
    await world.pool.query<{ id: string; state: string; account: string; amount_minor: string }>(
      "select id, state, account, amount_minor from withdrawal where id = $1",
      [`okx.desk.${clientId}`],
    )
  ).rows;

describe("a backend written from OKX's documents", () => {
  test("withdraws: it is stored as the facade's key asked for it, and told in OKX's words", async () => {
    const asked = wanted({ chain: "BTC-Bitcoin" });
    const { status, code, data } = await desk.withdraw(asked);
    expect({ status, code }).toEqual({ status: 200, code: "0" });
    const [row] = data;
    expect(row).toEqual({
      ...{ ccy: "BTC", chain: "BTC-Bitcoin", amt: "0.0001", clientId: asked.clientId },
      wdId: expect.stringMatching(/^[1-9][0-9]+$/),
    });
    expect(await stored(asked.clientId)).toMatchObject([{ account: "acme", amount_minor: "10000" }]);
    const [told] = (await desk.history(`?clientId=${asked.clientId}`)).data;
    expect(told).toMatchObject({
      ...{ amt: "0.0001", to: asked.toAddr, fee: "0.0000075", feeCcy: "BTC", wdId: row?.["wdId"], from: "desk" },
    });
    const seen = await clientOf(risk, world.keys.backend).getWithdrawal(`okx.desk.${asked.clientId}`);
    // People see through whom it came.
    expect(seen.history[0]?.detail).toBe(`requested by ${world.keys.limited.keyId}`);
  });

  test("repeats: the same clientId is the same withdrawal, with an older key or a newer one; with other content it is refused", async () => {
    const asked = wanted();
    const first = await desk.withdraw(asked);
    expect(await desk.withdraw({ ...asked, amt: "0.00010000" })).toEqual(first);
    expect(await okxBackend(facade.api, DESK_NEW).withdraw(asked)).toEqual(first);
    expect(await desk.withdraw({ ...asked, amt: "0.00011" })).toMatchObject({ status: 200, code: "58404", data: [] });
    expect(await desk.withdraw({ ...asked, toAddr: addressNumber(1) })).toMatchObject({ code: "58404" });
    expect(await stored(asked.clientId)).toHaveLength(1);
  });

  test("is not paid twice by whoever sends its exact bytes again", async () => {
    const body = { ccy: "BTC", dest: "4", ...wanted() };
    const headers = okxHeaders(DESK, "POST", "/api/v5/asset/withdrawal", JSON.stringify(body));
    const answers = await Promise.all(Array.from({ length: 5 }, () => desk.send("POST", "withdrawal", body, headers)));
    expect(answers.map(({ code }) => code)).toEqual(["0", "0", "0", "0", "0"]);
    expect(new Set(answers.map(({ data }) => data[0]?.["wdId"])).size).toBe(1);
    expect(await stored(body.clientId)).toHaveLength(1);
  });

  test("cancels what waits for a person, once, and sees it in history and status", async () => {
    const asked = wanted({ amt: "0.0003" });
    const wdId = (await desk.withdraw(asked)).data[0]?.["wdId"] ?? "";
    await expect
      .poll(async () => (await desk.status(wdId)).data[0]?.["state"])
      .toBe("Pending withdrawal: Waiting manual review");
    expect((await desk.history("?state=4")).data.map((row) => row["wdId"])).toContain(wdId);
    expect(await desk.cancel(wdId)).toMatchObject({ status: 200, code: "0", data: [{ wdId }] });
    expect(await desk.cancel(wdId)).toMatchObject({ code: "58220" });
    expect((await desk.history(`?wdId=${wdId}`)).data).toMatchObject([{ state: "-2", clientId: asked.clientId }]);
    expect((await desk.history(`?wdId=${wdId}&state=2`)).data).toEqual([]);
    expect((await desk.status(wdId)).data).toEqual([
      { wdId, txId: "", state: "Cancellation complete: Canceled", estCompleteTime: "" },
    ]);
    // A repeated request does not bring it back.
    await desk.withdraw(asked);
    expect(await stored(asked.clientId)).toMatchObject([{ state: "cancelled" }]);
  });

  test("cannot cancel what is cleared", async () => {
    const wdId = (await desk.withdraw(wanted())).data[0]?.["wdId"] ?? "";
    await expect.poll(async () => (await desk.history(`?wdId=${wdId}`)).data[0]?.["state"]).toBe("7");
    expect(await desk.cancel(wdId)).toMatchObject({ status: 200, code: "58403" });
  });

  test("reads its history page by page, each withdrawal once, and between two times", async () => {
    const made: string[] = [];
    for (let at = 0; at < 5; at += 1) {
      const asked = wanted();
      made.push(asked.clientId);
      await desk.withdraw(asked);
    }
    const seen: string[] = [];
    const times: number[] = [];
    for (let after = ""; ; ) {
      const { data } = await desk.history(`?ccy=BTC&limit=2${after}`);
      if (data.length === 0) break;
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data.map((row) => row["clientId"] ?? ""));
      times.push(...data.map((row) => Number(row["ts"])));
      after = `&after=${data.at(-1)?.["ts"]}`;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(0, 5)).toEqual(made.toReversed());
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    // Some of OKX's numbers stand for several states here; each finds its own, newest first.
    const numbers = ["0", "4", "7", "10", "5", "1", "15", "2", "-1", "-2"];
    const answers = await Promise.all(numbers.map((state) => desk.history(`?state=${state}`)));
    for (const [at, { data }] of answers.entries()) {
      expect([...new Set(data.map(({ state }) => state))].filter((state) => state !== numbers[at])).toEqual([]);
      expect(data.map(({ ts }) => Number(ts))).toEqual(data.map(({ ts }) => Number(ts)).toSorted((a, b) => b - a));
    }
    const [newest = 0, , third = 0] = times;
    const between = await desk.history(`?before=${third}&after=${newest}`);
    expect(between.data.every((row) => Number(row["ts"]) > third && Number(row["ts"]) < newest)).toBe(true);
    const newer = (await desk.history(`?before=${third}`)).data.map((row) => row["clientId"]);
    expect(newer).toEqual(seen.filter((_, at) => (times[at] ?? 0) > third));
  });

  test("learns what a withdrawal costs and may be", async () => {
    const all = await desk.currencies();
    expect(all.data).toMatchObject([
      {
        ...{ ccy: "BTC", chain: "BTC-Bitcoin", canWd: true, canDep: false, wdTickSz: "8", fee: "0.0000075" },
        ...{ minWd: "0.00000546", maxWd: "0.0006" },
      },
    ]);
    expect((await desk.currencies("?ccy=ETH,BTC")).data).toEqual(all.data);
    expect((await desk.currencies("?ccy=ETH")).data).toEqual([]);
  });

  test.each<[string, object, string]>([
    ["more than the user may", { amt: "0.00060001" }, "58205"],
    ["more than the facade's own key may", { amt: "0.00055" }, "58205"],
    ["dust", { amt: "0.00000293" }, "58206"],
    ["an address of another network", { toAddr: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "58222"],
    ["a mistyped address", { toAddr: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt081" }, "58222"],
    ["a fee above what the customer agreed to", { fee: "0.0000001" }, "51000"],
  ])("is refused %s, and nothing is stored", async (_, change, code) => {
    const asked = wanted(change);
    expect(await desk.withdraw(asked)).toMatchObject({ code, data: [] });
    expect(await stored(asked.clientId)).toEqual([]);
  });

  test("sees and stops nothing of another user, and nothing that another key requested", async () => {
    const other = okxBackend(facade.api, OTHER_DESK);
    const wdId = (await desk.withdraw(wanted({ amt: "0.0003" }))).data[0]?.["wdId"] ?? "";
    const unknown = { status: 200, code: "58215", msg: "Withdrawal ID does not exist.", data: [] };
    expect(await other.status(wdId)).toEqual(unknown);
    expect(await other.cancel(wdId)).toEqual(unknown);
    expect(await other.status("7")).toEqual(unknown);
    expect((await other.history(`?wdId=${wdId}`)).data).toEqual([]);
    const direct = { id: "direct-1", account: "acme", asset: "BTC", amount: 30_000n, address: addressNumber(77) };
    await clientOf(risk, world.keys.backend).createWithdrawal(direct);
    const shown = (await desk.history("?limit=1")).data[0];
    expect(shown).toMatchObject({ clientId: "", amt: "0.0003", to: direct.address });
    expect(await desk.cancel(shown?.["wdId"] ?? "")).toMatchObject({ code: "58216" });
  });

  test("asks through a key that the policy knows: people see which one it was, and nobody asks of another key", async () => {
    const asked = wanted({ amt: "0.00045" });
    await desk.withdraw(asked);
    const backend = clientOf(risk, world.keys.backend);
    const held = await backend.waitFor(`okx.desk.${asked.clientId}`, ["held"]);
    expect(held.approvals.required).toBe(2);
    expect(held.findings.find(({ rule }) => rule === "ORIGIN_LIMIT")).toMatchObject({
      ...{ verdict: "hold", reason: "It was requested by limited: people look at amounts like this." },
      evidence: { requesterKey: "limited", aboveMinor: "40000" },
    });
    const id = "direct-2";
    await backend.createWithdrawal({ id, account: "acme", asset: "BTC", amount: 45_000n, address: addressNumber(78) });
    const { findings, approvals } = await backend.waitFor(id, ["held"]);
    expect([approvals.required, findings.some(({ rule }) => rule === "ORIGIN_LIMIT")]).toEqual([1, false]);
  });

  test("needs the key's permission, and its network", async () => {
    expect(await okxBackend(facade.api, READER).withdraw(wanted())).toMatchObject({ status: 200, code: "50120" });
    expect(await okxBackend(facade.api, READER).history("?limit=1")).toMatchObject({ code: "0" });
    expect(await okxBackend(facade.api, ELSEWHERE).history()).toMatchObject({ status: 401, code: "50110" });
  });

  test("is told that nothing is known when the answer is lost, and is safe to ask again, also above a limit that was lowered", async () => {
    const { keys: listed, own } = readSettings(env);
    let isLost = true;
    let maxWithdrawalSat = 60_000n;
    const limited = ({ user, ...key }: OkxKey): OkxKey => ({ ...key, user: { ...user, maxWithdrawalSat } });
    const keys = { get: (apiKey: string) => mapped(listed.get(apiKey), limited) };
    const client = createSluiceClient({
      ...{ baseUrl: risk.api, ...own, tries: 1 },
      fetch: async (...request) => {
        const answer = await fetch(...request);
        if (isLost) throw new TypeError("the answer is lost");
        return answer;
      },
    });
    const authenticate = await createAuthenticate(keys, Date.now);
    const logger = createLogger({ service: "okx-facade", level: "silent" });
    const lossy = await openApi({ logger, client, authenticate, onCode: () => undefined });
    onTestFinished(() => lossy.close());
    const backend = okxBackend(await lossy.listen({ host: "127.0.0.1", port: 0 }), DESK);
    const asked = wanted();
    expect(await backend.withdraw(asked)).toMatchObject({ status: 400, code: "50004", data: [] });
    expect(await stored(asked.clientId)).toHaveLength(1);
    expect(await backend.history()).toMatchObject({ status: 400, code: "50004" });
    isLost = false;
    maxWithdrawalSat = 9_999n;
    expect(await backend.withdraw(wanted())).toMatchObject({ code: "58205" });
    expect(await backend.withdraw(asked)).toMatchObject({ code: "0", data: [{ clientId: asked.clientId }] });
    expect(await stored(asked.clientId)).toHaveLength(1);
  });
});

function mapped<T>(value: T | undefined, change: (value: T) => T): T | undefined {
  return value === undefined ? undefined : change(value);
}

test("the public client okx-api, as it is published, withdraws, repeats, reads, cancels", async () => {
  const { apiKey, secret: apiSecret, passphrase: apiPass } = DESK;
  const client = new RestClient({ apiKey, apiSecret, apiPass, baseUrl: facade.api }, { proxy: false });
  const asked = { ccy: "BTC", dest: "4" as const, ...wanted({ amt: "0.0003" }) };
  const [currency] = await client.getCurrencies({ ccy: "BTC" });
  expect(currency).toMatchObject({ ccy: "BTC", fee: "0.0000075" });
  const [first] = await client.submitWithdraw({ ...asked });
  const [again] = await client.submitWithdraw({ ...asked });
  expect(again).toEqual(first);
  const { wdId = "" } = first ?? {};
  expect(await client.getWithdrawalHistory({ clientId: asked.clientId } as never)).toMatchObject([
    { wdId, to: asked.toAddr },
  ]);
  expect(await client.getDepositWithdrawStatus({ wdId })).toMatchObject([{ wdId, txId: "" }]);
  expect(await client.cancelWithdrawal({ wdId })).toEqual([{ wdId }]);
  await expect(client.cancelWithdrawal({ wdId })).rejects.toMatchObject({ code: "58220" });
  const wrong = new RestClient({ apiKey, apiSecret, apiPass: "Passphrase-x", baseUrl: facade.api }, { proxy: false });
  await expect(wrong.getCurrencies()).rejects.toMatchObject({ code: "50114" });
});

describe("the process", () => {
  test("is ready while online-risk takes its signature, counts its answers, and logs no secret", async () => {
    const ready = await fetch(`${facade.internal}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining("online-risk")]);
    expect(await (await fetch(`${facade.internal}/metrics`)).text()).toMatch(
      /sluice_okx_answers_total\{.*code="0".*\} [1-9]/,
    );
    const text = facade.log.join("\n");
    for (const { secret, passphrase } of [DESK, DESK_NEW, READER]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(passphrase);
    }
  });

  test("takes the keys that make-key.ts makes, which keeps no passphrase", async () => {
    const makeKey = fileURLToPath(new URL("../src/make-key.ts", import.meta.url));
    const made = execFileSync(process.execPath, [makeKey], { input: "correct-horse\n", encoding: "utf8" });
    const { apiKey, secret, passphrase } = JSON.parse(made) as Record<string, string>;
    expect([apiKey, secret]).toEqual([
      expect.stringMatching(/^[0-9a-f-]{36}$/),
      expect.stringMatching(/^[0-9A-F]{48}$/),
    ]);
    expect(made).not.toContain("correct-horse");
    const hash = readPassphraseHash(passphrase ?? "");
    if (hash === null) throw new Error("the hash does not read");
    const isRight = passphraseCheck(hash);
    expect(await isRight("correct-horse", false)).toBe(false);
    expect(await isRight("correct-hors", true)).toBe(false);
    expect(await Promise.all([isRight("correct-horse", true), isRight("wrong-horse", true)])).toEqual([true, false]);
    expect(await isRight("correct-horse", true)).toBe(true);
    expect(await isRight("correct-horse", false)).toBe(false);
  });

  test("does not start with a key that nobody trusts, nor with users and secrets that disagree", async () => {
    const stranger = await facadeEnv(
      { ...world, keys: { ...world.keys, limited: { ...world.keys.limited, keyId: "nobody" } } },
      risk.api,
      shared.defer,
    );
    const { code, log } = await runFacade(stranger);
    expect([code, log.join("\n")]).toEqual([78, expect.stringContaining("secrets.requestKeyId")]);
  });
});
