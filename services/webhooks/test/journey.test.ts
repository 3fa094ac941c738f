// From a change of a withdrawal to a receiver that knows it, through every way in which a receiver and a sender can fail.
import { createServer } from "node:net";
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answer, garbage, hangUp, silence } from "./receiver.ts";
import { change, openWorld, type World } from "./world.ts";

let world: World;
let service: ServiceProcess;
/** Whoever connects here was sent by somebody else than an endpoint's URL: a redirect, or a proxy in the environment. */
let connections = 0;
const elsewhere = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
const output: string[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const proxy = `http://127.0.0.1:${portOf(elsewhere)}`;
  world = await openWorld({ NODE_USE_ENV_PROXY: "1", HTTPS_PROXY: proxy, https_proxy: proxy, HTTP_PROXY: proxy });
  service = await world.start();
});

afterAll(async () => {
  await world.close();
  elsewhere.close();
});

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

type Delivery = {
  readonly id: string;
  readonly endpoint: string;
  readonly sequence: number;
  readonly revision: number;
  readonly state: string;
  readonly attempts: readonly {
    readonly number: number;
    readonly code: string | null;
    readonly status: number | null;
    readonly durationMs: number | null;
    readonly answer: string | null;
  }[];
};

async function deliveries(filter: string): Promise<readonly Delivery[]> {
  const { deliveries: found } = (await service.get(`/deliveries?${filter}`)).json() as {
    deliveries: readonly Delivery[];
  };
  return found.toReversed();
}

const delivered = (withdrawal: string, count: number) =>
  until(
    () => deliveries(`withdrawal=${withdrawal}`),
    (found) => found.length === count && found.every(({ state }) => state === "delivered"),
  );

async function endpoint(name: string): Promise<Readonly<Record<string, unknown>>> {
  const { endpoints } = (await service.get("/endpoints")).json() as { endpoints: readonly Record<string, unknown>[] };
  return endpoints.find((each) => each["name"] === name) ?? {};
}

const of = (withdrawal: string, name = "backend") =>
  world.receiver.received(name).filter(({ event }) => event.data.id === withdrawal);

it("tells each endpoint of every step that it wants, signed, once and in the order of its numbers", async () => {
  const states = ["received", "cleared", "planned", "signing", "signed", "broadcast", "confirming", "completed"];
  for (const [at, state] of states.entries()) {
    await world.publish(
      "withdrawal.changed.v1",
      change("w-1", at + 1, { state, transactionId: at < 4 ? "" : "ab".repeat(32) }),
    );
  }
  await world.publish("withdrawal.changed.v1", change("w-1", 8, { state: "completed" }));
  await world.publish("withdrawal.changed.v1", change("w-2", 1, { state: "completed", account: "bob" }));
  await delivered("w-1", 9);
  await delivered("w-2", 1);
  const told = of("w-1").map(({ event }) => [event.type, event.data.revision, event.sequence]);
  expect(told).toEqual(states.map((state, at) => [`withdrawal.${state}`, at + 1, expect.any(Number)]));
  const sequences = world.receiver.received("backend").map(({ event }) => event.sequence);
  expect(sequences).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(of("w-1").at(-1)?.event).toMatchObject({
    timestamp: new Date(1_700_000_000_008).toISOString(),
    data: { account: "alice", asset: "BTC", amount: "150000", address: "bcrt1q", txid: "ab".repeat(32) },
  });
  expect(world.receiver.received("audit").map(({ event }) => [event.data.id, event.sequence])).toEqual([["w-1", 1]]);
});

it("tries again until it is taken, whatever goes wrong, and writes down what", async () => {
  const redirect = { location: `https://127.0.0.1:${portOf(elsewhere)}/` };
  const bad = [answer(500, {}, `sorry\u0000${"x".repeat(5_000)}`), silence, answer(307, redirect), garbage, hangUp];
  world.receiver.next("backend", ...bad);
  await world.publish("withdrawal.changed.v1", change("w-3", 1));
  const [found] = await delivered("w-3", 1);
  expect(found?.attempts.map(({ number, code, status }) => [number, code, status])).toEqual([
    [1, "REFUSED", 500],
    [2, "TIMED_OUT", null],
    [3, "REFUSED", 307],
    [4, "ANSWER_INVALID", null],
    [5, "CONNECTION_FAILED", null],
    [6, "DELIVERED", 204],
  ]);
  expect(found?.attempts[0]?.answer).toMatch(/^sorry x{506}$/);
  for (const { durationMs } of found?.attempts ?? []) expect(durationMs).toBeGreaterThanOrEqual(0);
  const came = of("w-3");
  expect(came).toHaveLength(6);
  expect(new Set(came.map(({ id }) => id))).toEqual(new Set([found?.id]));
  expect(new Set(came.map(({ event }) => event.sequence)).size).toBe(1);
  expect(await endpoint("backend")).toMatchObject({ state: "healthy", failures: 0 });
  expect(connections).toBe(0);
});

it("that an endpoint never takes one holds up no other; it is given up with an alarm, and sent again by hand", async () => {
  world.receiver.whenever("backend", ({ data }) => data.id === "poison");
  await world.publish("withdrawal.changed.v1", change("poison", 1));
  await until(
    () => deliveries("withdrawal=poison"),
    ([one]) => (one?.attempts.length ?? 0) >= 2,
  );
  await world.publish("withdrawal.changed.v1", change("w-4", 1));
  await delivered("w-4", 1);
  await world.pool.query("update delivery set first_try_at = now() - interval '5 days' where withdrawal_id = 'poison'");
  const [given] = await until(
    () => deliveries("withdrawal=poison"),
    ([one]) => one?.state === "exhausted",
  );
  expect(service.log().some(({ msg }) => msg.startsWith("ALARM: a webhook is given up"))).toBe(true);
  expect(await endpoint("backend")).toMatchObject({ exhausted: 1 });
  world.receiver.whenever("backend", null);
  const again = await service.postJson("/resend", { endpoint: "backend", id: given?.id, by: "dora" });
  expect(again.json()).toEqual({ endpoint: "backend", deliveries: 1 });
  await delivered("poison", 1);
});

it("sends a range again under the same ids, and nothing beside it", async () => {
  const before = world.receiver.received("backend").length;
  const answered = await service.postJson("/resend", { endpoint: "backend", from: 3, to: 5, by: "dora" });
  expect(answered.json()).toEqual({ endpoint: "backend", deliveries: 3 });
  const came = await until(
    async () => world.receiver.received("backend").slice(before),
    (some) => some.length >= 3,
  );
  expect(came.map(({ event }) => event.sequence)).toEqual([3, 4, 5]);
  const first = new Map(
    world.receiver
      .received("backend")
      .slice(0, before)
      .map(({ id, event }) => [event.sequence, id]),
  );
  expect(came.map(({ id }) => id)).toEqual([3, 4, 5].map((sequence) => first.get(sequence)));
  await until(
    () => deliveries("endpoint=backend&state=waiting"),
    (waiting) => waiting.length === 0,
  );
  expect(world.receiver.received("backend")).toHaveLength(before + 3);
});

it.each([
  ["/resend", { endpoint: "nobody", from: 1, to: 2, by: "dora" }, 404, "ENDPOINT_UNKNOWN"],
  ["/resend", { endpoint: "backend", from: 2, to: 1, by: "dora" }, 400, "REQUEST_INVALID"],
  ["/resend", { endpoint: "backend", from: 1, to: 2 }, 400, "REQUEST_INVALID"],
  ["/endpoints/nobody/enable", { by: "dora" }, 404, "ENDPOINT_UNKNOWN"],
  ["/endpoints/backend/enable", {}, 400, "REQUEST_INVALID"],
])("refuses %s with %j", async (path, body, status, code) => {
  expect((await service.postJson(path, body)).json()).toMatchObject({ status, code });
});

describe("an endpoint", () => {
  it("that takes nothing for days is disabled with an alarm, keeps what is for it, and is enabled by the first that it takes", async () => {
    world.receiver.whenever("backend", () => true);
    await world.publish("withdrawal.changed.v1", change("w-5", 1));
    await until(
      () => endpoint("backend"),
      ({ state }) => state === "failing",
    );
    await world.pool.query("update endpoint set failing_since = now() - interval '4 days' where name = 'backend'");
    const disabled = await until(
      () => endpoint("backend"),
      ({ state }) => state === "disabled",
    );
    expect(disabled).toMatchObject({ disabledBecause: "FAILING_TOO_LONG", disabledAt: expect.any(String), waiting: 1 });
    expect(service.log().some(({ msg }) => msg === "ALARM: an endpoint of webhooks is disabled")).toBe(true);
    expect((await service.get("/metrics")).text).toContain(
      'sluice_webhook_endpoint_disabled_info{endpoint="backend",service="webhooks"} 1',
    );
    for (const at of [1, 2, 3]) await world.publish("withdrawal.changed.v1", change(`w-6-${at}`, 1));
    await until(
      () => endpoint("backend"),
      ({ waiting }) => waiting === 4,
    );
    world.receiver.whenever("backend", null);
    await until(
      () => endpoint("backend"),
      ({ state, waiting }) => state === "healthy" && waiting === 0,
    );
    await delivered("w-5", 1);
  });

  it("that says it is gone is sent nothing more, until a person enables it", async () => {
    world.receiver.next("backend", answer(410));
    await world.publish("withdrawal.changed.v1", change("w-7", 1));
    await until(
      () => endpoint("backend"),
      ({ state }) => state === "disabled",
    );
    const before = world.receiver.received("backend").length;
    await world.publish("withdrawal.changed.v1", change("w-7", 2));
    await world.publish("withdrawal.changed.v1", change("w-7", 3, { state: "completed" }));
    // The other endpoint has it, so this one has been passed over.
    await until(
      async () => of("w-7", "audit"),
      (some) => some.length === 1,
    );
    expect([await endpoint("backend"), world.receiver.received("backend").length]).toMatchObject([
      { disabledBecause: "GONE", waiting: 3 },
      before,
    ]);
    expect((await service.postJson("/endpoints/backend/enable", { by: "dora" })).json()).toMatchObject({
      state: "healthy",
    });
    await delivered("w-7", 4);
    expect(of("w-7").map(({ event }) => event.data.revision)).toEqual([1, 1, 2, 3]);
  });
});

it("killed while a request was on its way, sends it again under the same id, and says that its end is unknown", async () => {
  world.receiver.next("backend", silence);
  await world.publish("withdrawal.changed.v1", change("w-8", 1));
  await until(
    async () => of("w-8"),
    (some) => some.length === 1,
  );
  await service.kill();
  output.push(...service.output);
  // What happens meanwhile waits in its topic.
  await world.publish("withdrawal.changed.v1", change("w-8", 2));
  service = await world.start();
  const [first] = await delivered("w-8", 2);
  expect(first?.attempts.map(({ code }) => code)).toEqual(["OUTCOME_UNKNOWN", "DELIVERED"]);
  expect(of("w-8").map(({ event }) => event.data.revision)).toEqual([1, 1, 2]);
  expect(of("w-8")[1]?.id).toBe(of("w-8")[0]?.id);
});

it("two instances share the work and send nothing twice", async () => {
  const second = await world.start();
  const before = { backend: world.receiver.received("backend").length, audit: world.receiver.received("audit").length };
  const MANY = 60;
  await Promise.all(
    Array.from({ length: MANY }, (_, at) =>
      world.publish("withdrawal.changed.v1", change(`many-${at}`, 1, { state: "completed" })),
    ),
  );
  await until(
    async () => [await endpoint("backend"), await endpoint("audit")],
    (both) =>
      both.every(({ waiting }) => waiting === 0) && world.receiver.received("audit").length >= before.audit + MANY,
  );
  for (const name of ["backend", "audit"] as const) {
    const came = world.receiver.received(name).slice(before[name]);
    expect(came).toHaveLength(MANY);
    expect(new Set(came.map(({ id }) => id)).size).toBe(MANY);
    const sequences = came.map(({ event }) => event.sequence);
    const expected = Array.from({ length: MANY }, (_, at) => Math.min(...sequences) + at);
    // One at a time keeps the order, across instances too; four at once does not have to.
    expect(name === "backend" ? sequences : sequences.toSorted((a, b) => a - b)).toEqual(expected);
  }
  const sentBy = async (process: ServiceProcess) =>
    [
      ...(await process.get("/metrics")).text.matchAll(
        /^sluice_webhook_attempts_total\{.*code="DELIVERED".*\} (\d+)$/gm,
      ),
    ].reduce((sum, [, count]) => sum + Number(count), 0);
  process.stdout.write(`webhooks: of ${2 * MANY} deliveries the second instance sent ${await sentBy(second)}\n`);
  await second.stop();
});

it("on a database that was set back numbers begin anew in a later series, and what comes again has its old id", async () => {
  await service.stop();
  output.push(...service.output);
  const known = of("w-8").at(-1);
  // As a copy from before w-8 came, of which later marks were published.
  await world.pool.query("delete from delivery where withdrawal_id = 'w-8'");
  await world.pool.query("delete from inbox where message_id like 'w-8/%'");
  await world.pool.query("update high_water set mark = 0, marked_at = 'epoch', recovering_to = null");
  service = await world.start({ expect: "halted" });
  const highest = service.log().findLast((line) => line["highest"] !== undefined)?.["highest"];
  await service.postJson("/recovery", { mark: highest });
  await until(
    async () => of("w-8").slice(3),
    (some) => some.length === 2,
  );
  const again = of("w-8").slice(3);
  expect(again.map(({ event }) => event.sequence)).toEqual([1, 2]);
  expect(again.at(-1)?.id).toBe(known?.id);
  for (const { event } of again)
    expect(Date.parse(event.series)).toBeGreaterThan(Date.parse(known?.event.series ?? ""));
  output.push(...service.output);
});

it("says every endpoint that it should post to and may not, or cannot sign for, before anything is touched", async () => {
  const { code, output: said } = await world.runToEnd({
    env: { SLUICE_WEBHOOK_ALLOWED_NETWORKS: "10.0.0.0/8" },
    secrets: { webhookKeys: { backend: ["whsec_short"] } },
  });
  const faults = said.flatMap((line) => (JSON.parse(line) as { fault?: object }).fault ?? []);
  const inside = "is an address that is not public (loopback)";
  expect([code, faults]).toEqual([
    78,
    [
      { name: "SLUICE_WEBHOOK_ENDPOINTS_FILE: backend: url", rule: inside },
      { name: "secrets.webhookKeys.backend", rule: expect.stringContaining("is whsk_ and base64 of 32 bytes") },
      { name: "SLUICE_WEBHOOK_ENDPOINTS_FILE: audit: url", rule: inside },
      { name: "secrets.webhookKeys.audit", rule: "is missing" },
    ],
  ]);
});

it("never writes a secret into a log, and never let anybody else connect for it", () => {
  expect(output.length).toBeGreaterThan(10);
  expect(world.secretTexts.length).toBeGreaterThan(2);
  for (const secret of world.secretTexts) expect(output.some((line) => line.includes(secret))).toBe(false);
  expect(connections).toBe(0);
});
