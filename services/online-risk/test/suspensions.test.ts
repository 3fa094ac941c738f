// What people stop waits, on every instance, and goes on when two of them have answered the checklist.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { createPeer } from "./peer.ts";
import { type Answer, send } from "./raw-request.ts";
import { clientOf, createWorld, newWithdrawal } from "./world.ts";

const POLL = { pollMs: 50 };
const answers = {
  "cause-known": "a lost laptop",
  "way-closed": "its keys are revoked",
  "waiting-checked": "ann, nothing",
};
const policy = { newDestination: { aboveMinor: "50000", approvals: 1 } };

type Shown = {
  readonly id: string;
  readonly reopenedAtMs: number | null;
  readonly reopening: { readonly said: readonly unknown[] };
};

it("anything may be stopped by one person, and is let go on by two, with every item answered", async () => {
  const world = await createWorld({ policy });
  const [first, second, peer] = [await world.start(), await world.start(), await createPeer(world)];
  const { backend, ann, ann2, bob, limited } = world.keys;
  const client = clientOf(first, backend);
  const post = async (path: string, body: object, key = ann, to = first) => {
    const answer = await send(to.api, { key, target: path, body: JSON.stringify(body) });
    return { status: answer.status, json: answer.body as Answer["body"] & Shown };
  };
  const suspend = async (what: object) => {
    const { status, json } = await post("/v1/suspensions", { reason: "a leak", ...what });
    expect(status).toBe(200);
    return json;
  };
  const reopen = (id: string, key = ann, given: object = answers) =>
    post(`/v1/suspensions/${id}/reopening`, { answers: given }, key, second);

  for (const [what, parts] of [
    [{ kind: "account", value: "mallory" }, { account: "mallory" }],
    [{ kind: "destination", value: addressNumber(77).toUpperCase() }, { address: addressNumber(77) }],
    [{ kind: "asset", value: "BTC" }, {}],
    [{ kind: "all" }, {}],
  ] as const) {
    const { id } = await suspend(what);
    // Suspended again, it is the same one.
    expect((await suspend(what)).id).toBe(id);
    const { id: stopped } = await client.createWithdrawal(newWithdrawal({ id: randomUUID(), ...parts }));
    const delayed = await client.waitFor(stopped, ["delayed", "cleared"], POLL);
    expect([delayed.state, delayed.detail]).toEqual(["delayed", expect.stringContaining("SUSPENDED")]);
    if ("value" in what && what.kind !== "asset") {
      const other = await client.createWithdrawal(newWithdrawal({ id: randomUUID() }));
      expect((await client.waitFor(other.id, ["delayed", "cleared"], POLL)).state).toBe("cleared");
    }
    expect((await reopen(id, backend)).json).toMatchObject({ code: "SCOPE_MISSING" });
    const half = await reopen(id, ann, { "cause-known": "so", extra: "so" });
    expect([half.status, half.json.errors?.map(({ field }) => field)]).toEqual([
      422,
      ["answers.way-closed", "answers.waiting-checked", "answers.extra"],
    ]);
    const once = await reopen(id);
    expect([once.status, once.json.reopenedAtMs, once.json.reopening.said.length]).toEqual([200, null, 1]);
    expect((await reopen(id)).json.reopening.said).toHaveLength(1);
    expect((await reopen(id, ann2)).json).toMatchObject({ code: "SAME_PERSON" });
    expect((await client.getWithdrawal(stopped)).state).toBe("delayed");
    expect((await reopen(id, bob)).json.reopenedAtMs).toBeTypeOf("number");
    expect((await reopen(id, bob)).status).toBe(200);
    expect((await client.waitFor(stopped, ["cleared"], POLL)).state).toBe("cleared");
  }

  // The last approval clears as well, and what waits may be cancelled.
  const held = await client.createWithdrawal(newWithdrawal({ id: randomUUID(), amount: 60_000n }));
  await client.waitFor(held.id, ["held"], POLL);
  const { id } = await suspend({ kind: "account", value: "acme" });
  await expect(clientOf(first, bob).approveWithdrawal(held.id)).rejects.toMatchObject({
    status: 409,
    code: "SUSPENDED",
  });
  expect((await client.cancelWithdrawal(held.id)).state).toBe("cancelled");
  expect((await post("/v1/suspensions", { kind: "all", reason: "x" }, limited)).json.code).toBe(
    "ACCOUNT_NOT_PERMITTED",
  );
  expect((await post("/v1/suspensions", { kind: "destination", value: "bc1", reason: "x" })).status).toBe(422);
  expect((await post("/v1/suspensions", { kind: "moon", value: "x", reason: "x" })).status).toBe(400);
  expect((await reopen(randomUUID())).json.code).toBe("SUSPENSION_UNKNOWN");
  const list = await send(second.api, { key: backend, method: "GET", target: "/v1/suspensions" });
  expect(list.body).toMatchObject({ suspensions: [{ id, kind: "account", value: "acme", by: ann.keyId }] });
  await expect.poll(() => peer.suspended.length, { timeout: 20_000 }).toBe(9);
  expect(peer.suspended.filter(({ message }) => !message.isStanding)).toHaveLength(4);
  const values = peer.suspended.find(({ message }) => message.kind === "destination" && !message.isStanding)?.message
    .values;
  expect(values?.toSorted()).toEqual([addressNumber(77).toUpperCase(), addressNumber(77)].toSorted());
}, 120_000);

it("what is judged while somebody suspends is either cleared before, or waits: nothing slips through", async () => {
  const world = await createWorld();
  const [first, second] = [await world.start(), await world.start()];
  const { backend, ann } = world.keys;
  const clients = [clientOf(first, backend), clientOf(second, backend)];
  const ids = Array.from({ length: 30 }, () => randomUUID());
  const posted = Promise.all(
    ids.map(async (id, at) => {
      await delay(at * 10);
      await clients[at % 2]?.createWithdrawal(newWithdrawal({ id, account: `account-${at}` }));
    }),
  );
  await delay(120);
  const body = JSON.stringify({ kind: "all", reason: "stop" });
  const answer = await send(second.api, { key: ann, target: "/v1/suspensions", body });
  const { atMs } = answer.body as unknown as { readonly atMs: number };
  await posted;
  const states = async () => {
    const { rows } = await world.pool.query<{ state: string; late: boolean }>(
      "select state, coalesce(cleared_at_ms > $1::bigint, false) as late from withdrawal",
      [atMs],
    );
    return rows;
  };
  await expect
    .poll(async () => (await states()).filter(({ state }) => state === "received").length, { timeout: 20_000 })
    .toBe(0);
  const rows = await states();
  expect(rows.filter(({ late }) => late)).toEqual([]);
  expect(rows.filter(({ state }) => state === "delayed").length).toBeGreaterThan(0);
  expect(rows.length).toBe(ids.length);
}, 60_000);
