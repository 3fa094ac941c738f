// What the console shows of withdrawals and of the zone, however the news come in.

import type { Deployment, ServiceProcess } from "@sluice/online-service/testing";
import { until } from "@sluice/online-service/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { change, openConsole, planned, zoneReport } from "./news.ts";

const STATES = ["received", "cleared", "planned", "signing", "signed", "broadcast", "confirming", "completed"];
const TXID = "ab".repeat(32);

let world: Deployment;
let service: ServiceProcess;

beforeAll(async () => {
  world = await openConsole();
  service = await world.start();
});
afterAll(() => world.close());

type View = {
  readonly withdrawals: readonly Readonly<Record<string, unknown>>[];
  readonly zone: { readonly occurredAt: string; readonly report: Readonly<Record<string, unknown>> } | null;
};

const overview = async () => (await service.get("/api/overview")).json() as View;
const changesOf = async (id: string) =>
  ((await service.get(`/api/withdrawals/${id}`)).json() as { readonly changes?: readonly unknown[] }).changes ?? [];

/** Every step of a withdrawal's way, each with what only it has. */
function steps(withdrawalId: string) {
  return STATES.map((state, at) =>
    change(withdrawalId, at + 1, {
      state,
      detail: `step ${at + 1}`,
      confirmations: at,
      transactionId: at < 4 ? "" : TXID,
      findings: at === 1 ? [{ rule: "LIMIT", verdict: "clear", reason: "below", evidence: { limit: "1" } }] : [],
    }),
  );
}

describe("a withdrawal", () => {
  it("looks the same in whatever order its changes came, and however often", async () => {
    const orders = fc.sample(
      fc.tuple(
        fc.shuffledSubarray(
          STATES.map((_, at) => at),
          { minLength: STATES.length },
        ),
        fc.array(fc.nat(STATES.length - 1), { maxLength: 5 }),
      ),
      { numRuns: 40, seed: 7 },
    );
    expect(new Set(orders.map(([order]) => order.join())).size).toBeGreaterThan(30);
    for (const [number, [order, again]] of orders.entries()) {
      const all = steps(`w-${number}`);
      for (const at of [...order, ...again]) {
        const step = all[at];
        if (step !== undefined) await world.publish("withdrawal.changed.v1", step);
      }
    }
    for (const step of steps("in-order")) await world.publish("withdrawal.changed.v1", step);
    const expected = await until(
      () => changesOf("in-order"),
      ({ length }) => length === STATES.length,
    );
    expect(expected).toMatchObject(STATES.map((state, at) => ({ state, revision: at + 1, detail: `step ${at + 1}` })));
    for (const number of orders.keys()) {
      const changes = await until(
        () => changesOf(`w-${number}`),
        ({ length }) => length >= STATES.length,
      );
      expect(changes).toEqual(expected.map((one) => ({ ...(one as object), withdrawalId: `w-${number}` })));
    }
    const { withdrawals } = await overview();
    expect(withdrawals).toHaveLength(orders.length + 1);
    for (const withdrawal of withdrawals) {
      expect(withdrawal).toMatchObject({ state: "completed", confirmations: 7, detail: "step 8", transactionId: TXID });
    }
    // Which wallet pays is another's news, and may come last.
    expect(new Set(withdrawals.map(({ walletId }) => walletId))).toEqual(new Set([""]));
    await world.publish("transaction.planned.v1", planned(TXID, "hot-2"));
    await until(
      async () => new Set((await overview()).withdrawals.map(({ walletId }) => walletId)),
      (names) => names.has("hot-2") && names.size === 1,
    );
    expect(await changesOf("in-order")).toMatchObject(STATES.map((_, at) => ({ walletId: at < 4 ? "" : "hot-2" })));
    expect((await service.get("/")).text).toContain("<td>hot-2</td>");
  });

  it("that nobody told of is not there", async () => {
    for (const path of ["/api/withdrawals/nobody", "/withdrawals/nobody", "/withdrawals/%2e%2e%2f"]) {
      const answer = await service.get(path);
      expect([path, answer.status, (answer.json() as { code: string }).code]).toEqual([
        path,
        404,
        "WITHDRAWAL_UNKNOWN",
      ]);
    }
  });

  it("is shown first when it changed last, and no more than a hundred are", async () => {
    for (let at = 0; at < 120; at += 1) {
      await world.publish("withdrawal.changed.v1", change(`many-${at}`, 1, { changedAtMs: 1_800_000_000_000 + at }));
    }
    const known = async () =>
      (await world.pool.query("select from withdrawal where withdrawal_id like 'many-%'")).rowCount;
    await until(known, (count) => count === 120);
    expect((await overview()).withdrawals.map(({ withdrawalId }) => withdrawalId)).toEqual(
      Array.from({ length: 100 }, (_, at) => `many-${119 - at}`),
    );
  });
});

describe("the page", () => {
  it("shows hostile news as text, and lets no script run but its own", async () => {
    const attack = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`;
    const fields = { account: attack, address: attack, asset: attack, state: attack, detail: attack };
    const finding = { rule: attack, verdict: attack, reason: attack, evidence: { [attack]: attack } };
    await world.publish(
      "withdrawal.changed.v1",
      change(attack, 1, { ...fields, findings: [finding], changedAtMs: 1_900_000_000_000 }),
    );
    const page = await until(
      () => service.get("/"),
      ({ text }) => text.includes("alert(1)"),
    );
    const own = await service.get(`/withdrawals/${encodeURIComponent(attack)}`);
    expect(own.status).toBe(200);
    for (const { text } of [page, own]) {
      expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;");
      expect(text.match(/<script[^>]*>/g)).toEqual(['<script src="/console.js" defer>']);
      expect(text).not.toContain("<img");
    }
    const response = await fetch(new URL("/", service.httpUrl));
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("script-src-attr 'none'");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });

  it("brings its own script and style", async () => {
    expect(await service.get("/console.js")).toMatchObject({ status: 200, text: expect.stringContaining("data-post") });
    expect(await service.get("/console.css")).toMatchObject({ status: 200, text: expect.stringContaining(".bad") });
  });
});

describe("the zone", () => {
  it("is shown as the newest of its reports said, whatever came last", async () => {
    expect((await overview()).zone).toBeNull();
    const atMs = 1_700_000_000_000;
    for (const [number, occurredAtMs] of [
      [2, atMs + 2],
      [3, atMs + 3],
      [1, atMs + 1],
    ] as const) {
      await world.publish("zone.reported.v1", zoneReport(number, occurredAtMs));
    }
    // Behind the reports in the same topic and partition: when it is there, they were all seen.
    await until(
      async () => (await world.pool.query("select from inbox where message_type = 'zone.reported.v1'")).rowCount,
      (n) => n === 3,
    );
    const { zone } = await overview();
    expect(zone).toMatchObject({
      occurredAt: new Date(atMs + 3).toISOString(),
      report: { lastReportNumber: "3", databaseReady: true, isolation: { noIp: true } },
    });
    expect(zone?.report).not.toHaveProperty("metrics");
  });
});

describe("a notice", () => {
  it("is the newest of its kind and key, in whatever order they came", async () => {
    const refill = (key: string, missingSat: bigint, occurredAtMs: number) =>
      world.publish("refill.requested.v1", {
        ...{ id: `${key}/${missingSat}`, key, occurredAtMs },
        message: {
          ...{ walletId: key, missingSat, waitingWithdrawals: 1, address: "bcrt1q", index: 0 },
          ...{ requestedAtMs: occurredAtMs, revision: 1 },
        },
      });
    await refill("hot-1", 5n, 2_000);
    await refill("hot-1", 9n, 1_000);
    await refill("hot-2", 7n, 3_000);
    type Notices = {
      readonly notices: readonly { readonly key: string; readonly body: { readonly missingSat: string } }[];
    };
    const shown = async () =>
      ((await service.get("/api/overview")).json() as Notices).notices.map(({ key, body }) => [key, body.missingSat]);
    await until(shown, (notices) => notices.length === 2);
    expect(await shown()).toEqual([
      ["hot-2", "7"],
      ["hot-1", "5"],
    ]);
  });
});

describe("a suspension", () => {
  it("stands at the top in plain words, with what waits for it, until its reopening, whatever order these came in", async () => {
    const say = (suspensionId: string, value: string, isStanding: boolean) =>
      world.publish("suspension.changed.v1", {
        ...{ id: `${suspensionId}/${isStanding}`, key: suspensionId, occurredAtMs: 5 },
        message: {
          ...{ suspensionId, kind: "account" as const, values: [value], isStanding, changedAtMs: 1_800_000_000_000 },
          ...{ reason: "a leak", saidBy: ["ann-1"], suspendedBy: "ann-1", suspendedAtMs: 1_700_000_000_000 },
        },
      });
    const shown = async () =>
      ((await service.get("/api/overview")).json() as { readonly suspensions: readonly unknown[] }).suspensions;
    expect(await shown()).toEqual([]);
    expect((await service.get("/")).text).toContain("Nothing is suspended.");
    const changedAtMs = 1_950_000_000_000;
    const rule = "waits: SUSPENDED: its account is suspended: a leak";
    const waits = { account: "acme", state: "signing_delayed", detail: rule, changedAtMs };
    await world.publish("withdrawal.changed.v1", change("stopped-1", 1, waits));
    await world.publish("withdrawal.changed.v1", change("stopped-2", 1, { ...waits, state: "held" }));
    await world.publish("withdrawal.changed.v1", change("stopped-3", 1, { ...waits, state: "completed" }));
    await world.publish("withdrawal.changed.v1", change("free-1", 1, { ...waits, account: "other" }));
    await say("s2", "reopened", false);
    await say("s2", "reopened", true);
    await say("s1", "acme", true);
    const known = async () =>
      (await world.pool.query("select from withdrawal where changed_at = $1", [new Date(changedAtMs)])).rowCount;
    await until(known, (count) => count === 4);
    await until(shown, (list) => list.length > 0);
    expect(await shown()).toMatchObject([{ id: "s1", kind: "account", value: "acme", waiting: 2 }]);
    const { text } = await service.get("/");
    const words = text.replaceAll(/<[^>]*>|\s+/g, " ").replaceAll(/ +/g, " ");
    expect(words).toContain(
      "The account acme is suspended since 2023-11-14T22:13:20.000Z, by ann-1: a leak. 2 withdrawals wait for it. sluice reopen s1",
    );
    // What is held or delayed says why, where everybody sees it.
    expect(words).toContain(`signing_delayed ${rule}`);
    expect(text.indexOf("Suspended</h2>")).toBeLessThan(text.indexOf("Services</h2>"));
    await say("s1", "acme", false);
    await until(shown, (list) => list.length === 0);
  });
});
