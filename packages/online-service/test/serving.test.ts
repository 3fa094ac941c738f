// What every online service answers about itself, and what it does with messages that nobody can handle.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Producer, seal } from "@sluice/contracts";
import { appendOutbox } from "@sluice/messaging";
import { transaction } from "@sluice/postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, type Line, openLine, type ServiceProcess, until } from "../src/testing.ts";
import { change, openConsole } from "./console.ts";
import { parseExposition } from "./exposition.ts";
import { named } from "./harness/real-parts.ts";

const TOPIC = "withdrawal.changed.v1";

type Health = {
  readonly status: string | number;
  readonly code?: string;
  readonly detail?: string;
  readonly dependencies: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
};
type Letters = { readonly deadLetters: readonly Readonly<Record<string, unknown>>[] };

/** The client calls nine times before it says that nobody is there. */
const MORE_CALLS_THAN_A_ROUND = 12;

let world: Deployment;
let line: Line;
/** To the broker that is asked for all others. */
let kafkaLine: Line;
let service: ServiceProcess;

beforeAll(async () => {
  world = await openConsole();
  const database = new URL(world.databaseUrl);
  line = await openLine({ host: database.hostname, port: Number(database.port) });
  const [broker = ""] = named("KAFKA_BROKERS").split(",");
  const { hostname, port } = new URL(`kafka://${broker}`);
  kafkaLine = await openLine({ host: hostname, port: Number(port) }, MORE_CALLS_THAN_A_ROUND);
  const brokers = `${kafkaLine.host}:${kafkaLine.port}`;
  service = await world.start({ env: { SLUICE_DATABASE_URL: throughLine(), SLUICE_KAFKA_BROKERS: brokers } });
});

afterAll(async () => {
  await world.close();
  await line.close();
  await kafkaLine.close();
});

it("was started before Kafka was there: it waited, said so once, and works", () => {
  const said = service.log().filter(({ msg }) => msg === "Kafka or Postgres is not there yet; it is waited for");
  expect(said).toHaveLength(1);
});

function throughLine(): string {
  const url = new URL(world.databaseUrl);
  url.host = `${line.host}:${line.port}`;
  return url.toString();
}

const health = async () => (await service.get("/readyz")).json() as Health;
const letters = async () => ((await service.get("/dead-letters")).json() as Letters).deadLetters;
const seen = async (id: string) => (await service.get(`/api/withdrawals/${id}`)).status === 200;

describe("health", () => {
  it("says that the process lives, and names everything that it needs", async () => {
    expect((await service.get("/healthz")).json()).toMatchObject({ status: "alive" });
    const ready = await service.get("/readyz");
    expect(ready.status).toBe(200);
    expect(ready.json()).toEqual({
      status: "ready",
      dependencies: [
        { name: "postgres", ok: true, detail: "answers" },
        { name: "outbox relay", ok: true, detail: "relaying" },
        { name: "consumer", ok: true, detail: "running" },
      ],
    });
  });

  it("shows metrics in the Prometheus text format, with what became of messages", async () => {
    await world.publish(TOPIC, change("counted", 1));
    await until(() => seen("counted"), Boolean);
    const handled = `sluice_messages_total{type="${TOPIC}",outcome="handled",service="ops-console"}`;
    const lag = new RegExp(
      `^sluice_consumer_lag_messages\\{type="${TOPIC}",partition="[0-9]+",service="ops-console"\\}$`,
    );
    const samples = await until(
      async () => parseExposition((await service.get("/metrics")).text),
      (all) => all.has(handled) && [...all.keys()].some((name) => lag.test(name)),
    );
    expect(samples.get('sluice_outbox_waiting_messages{service="ops-console"}')).toBe("0");
    expect([...samples.keys()].filter((name) => !name.startsWith("sluice_"))).toEqual([]);
  });

  it("is not ready while Postgres is cut off, and says so; then goes on where it was", async () => {
    line.cut();
    try {
      const lost = await until(health, ({ dependencies }) => dependencies.some(({ ok }) => !ok));
      expect(lost).toMatchObject({ status: 503, code: "NOT_READY", detail: expect.stringContaining("postgres") });
      expect(lost.dependencies.find(({ name }) => name === "postgres")).toMatchObject({ ok: false });
      expect((await service.get("/readyz")).status).toBe(503);
      expect((await service.get("/healthz")).status).toBe(200);
      const metrics = await service.get("/metrics");
      expect(metrics.status).toBe(200);
      const samples = parseExposition(metrics.text);
      expect(samples.has('sluice_process_resident_memory_bytes{service="ops-console"}')).toBe(true);
      expect(samples.has('sluice_outbox_waiting_messages{service="ops-console"}')).toBe(false);
      await world.publish(TOPIC, change("while-away", 1));
    } finally {
      line.mend();
    }
    await until(
      () => service.get("/readyz"),
      ({ status }) => status === 200,
    );
    await until(() => seen("while-away"), Boolean);
    expect(await letters()).toEqual([]);
  });
});

describe("a dead letter", () => {
  it("does not stop what comes after it, is listed with its reason, retried and discarded by hand", async () => {
    const { message, ...outgoing } = change("forged", 1);
    const forged = seal({ ...world.sealerOf("online-risk"), privateKey: world.sealerOf("vault").privateKey }, TOPIC, {
      ...outgoing,
      message,
    });
    await world.publishBytes(TOPIC, "forged", forged);
    await world.publish(TOPIC, change("forged", 2));
    await until(() => seen("forged"), Boolean);
    const [letter, ...others] = await letters();
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ topic: TOPIC, key: "forged", code: "SEAL_INVALID", attempts: 1 });
    expect(letter).not.toHaveProperty("envelope");
    const at = `/dead-letters/${String(letter?.["id"])}`;
    const retried = await service.post(`${at}/retry`);
    expect(retried.status).toBe(409);
    expect(retried.json()).toMatchObject({ code: "SEAL_INVALID" });
    expect((await letters())[0]).toMatchObject({ attempts: 2 });
    expect((await service.post(`${at}/discard`)).json()).toMatchObject({ resolution: "discarded" });
    expect(await letters()).toEqual([]);
    expect((await service.post(`${at}/retry`)).json()).toMatchObject({ status: 409, code: "DEAD_LETTER_RESOLVED" });
    expect((await service.post(`${at}/discard`)).json()).toMatchObject({ status: 404, code: "DEAD_LETTER_UNKNOWN" });
  });

  it.each(["retry", "discard"])("that does not exist cannot be subject to %s", async (what) => {
    expect((await service.post(`/dead-letters/999999/${what}`)).json()).toMatchObject({
      status: 404,
      code: "DEAD_LETTER_UNKNOWN",
    });
    for (const id of ["-1", "x", "1e3", "9".repeat(19)]) {
      expect((await service.post(`/dead-letters/${id}/${what}`)).json()).toMatchObject({
        status: 400,
        code: "REQUEST_INVALID",
      });
    }
  });

  it("is handled after all when its cause is gone", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-trust-"));
    const other = await openConsole();
    try {
      const trust = join(folder, "trust.json");
      const own = { producer: "ops-console", keyId: "ops-console-1", publicKey: publicKeyOf(other, "ops-console") };
      await writeFile(trust, JSON.stringify([own]));
      const early = await other.start({ env: { SLUICE_TRUST_FILE: trust } });
      await other.publish(TOPIC, change("early", 1));
      const read = async () => ((await early.get("/dead-letters")).json() as Letters).deadLetters;
      const [letter] = await until(read, ({ length }) => length === 1);
      expect(letter).toMatchObject({ code: "SEAL_KEY_UNKNOWN" });
      expect((await early.stop()).code).toBe(0);
      const later = await other.start();
      const retried = await later.post(`/dead-letters/${String(letter?.["id"])}/retry`);
      expect(retried.json()).toMatchObject({ resolution: "handled" });
      expect((await later.get("/api/withdrawals/early")).status).toBe(200);
    } finally {
      await other.close();
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ["another site's Origin", { origin: "https://elsewhere.example" }],
    ["no origin that can be named", { origin: "null" }],
    ["another port", { origin: "http://127.0.0.1:1" }],
    ["another site in the browser's own words", { "sec-fetch-site": "cross-site" }],
    ["a sister site", { "sec-fetch-site": "same-site" }],
  ])("is not touched by a page of %s", async (_, headers) => {
    expect((await service.post("/dead-letters/1/discard", headers)).json()).toMatchObject({
      status: 403,
      code: "CROSS_SITE",
    });
  });

  it("may be touched by the page of this address itself", async () => {
    const headers = { origin: service.httpUrl, "sec-fetch-site": "same-origin" };
    expect((await service.post("/dead-letters/999999/discard", headers)).status).toBe(404);
  });
});

describe("what was published", () => {
  const again = (said: object) => service.postJson("/outbox/redrive", said);

  it("goes out again, the same messages, when a person asks for it", async () => {
    const outgoing = change("told", 1);
    const envelope = seal(world.sealerOf("online-risk"), TOPIC, outgoing);
    const { id, key } = outgoing;
    await transaction(world.pool, (tx) => appendOutbox(tx, { topic: TOPIC, key, id, envelope }));
    const publishedAt = async () => {
      const sql = "select published_at as at from outbox where message_id = $1";
      return (await world.pool.query<{ at: Date | null }>(sql, [id])).rows[0]?.at?.getTime() ?? 0;
    };
    const first = await until(publishedAt, (at) => at > 0);
    const since = "2020-01-01T00:00:00Z";
    expect((await again({ topic: TOPIC, since, by: "ann" })).json()).toEqual({ topic: TOPIC, since, messages: 1 });
    expect(await until(publishedAt, (at) => at > first)).toBeGreaterThan(first);
    const later = { topic: TOPIC, since: "2999-01-01T00:00:00+01:00", by: "ann" };
    expect((await again(later)).json()).toMatchObject({ messages: 0 });
    const said = service.log().filter(({ msg }) => msg === "what was published is published again by hand");
    expect(said).toMatchObject([
      { by: "ann", messages: 1 },
      { by: "ann", messages: 0 },
    ]);
  });

  it.each([
    ["topic", { topic: "nothing.v1", since: "2020-01-01T00:00:00Z", by: "ann" }],
    ["since", { topic: "message.received.v1", since: "yesterday", by: "ann" }],
    ["by", { topic: "message.received.v1", since: "2020-01-01T00:00:00Z" }],
  ])("is left alone where %s is not what it has to be, and that is named", async (field, said) => {
    const refused = await again(said);
    expect(refused.json()).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
    expect(refused.text).toContain(field);
  });
});

describe("stopping", () => {
  it("is orderly at any moment, exits 0 and loses no message", async () => {
    const all = await openConsole();
    try {
      const known = async () => Number((await all.pool.query<{ n: bigint }>(COUNT)).rows[0]?.n ?? 0n);
      const published: Promise<unknown>[] = [];
      const left: number[] = [];
      for (let stop = 0; stop < 4; stop += 1) {
        const process = await all.start();
        const before = await known();
        for (let at = 0; at < 150; at += 1) published.push(all.publish(TOPIC, change(`w-${stop}-${at}`, 1)));
        await until(known, (now) => now > before);
        expect((await process.stop()).code).toBe(0);
        expect(process.log().at(-1)).toMatchObject({ msg: "stopped" });
        left.push(published.length - (await known()));
      }
      await Promise.all(published);
      // Stopped with work in hand, or nothing was tried here.
      expect(left.some((messages) => messages > 0)).toBe(true);
      await all.start();
      await until(known, (now) => now === published.length);
      expect((await all.pool.query("select from dead_letter")).rowCount).toBe(0);
    } finally {
      await all.close();
    }
  });
});

const COUNT = "select count(*) as n from withdrawal_change";

describe("the log", () => {
  it("is JSON line by line, and holds no secret of the service", () => {
    expect(service.output.length).toBeGreaterThan(5);
    for (const line of service.output) expect(() => JSON.parse(line)).not.toThrow();
    expect(world.secretTexts).toHaveLength(2);
    for (const secret of world.secretTexts) {
      expect(service.output.join("\n")).not.toContain(secret);
      expect(secret.length).toBeGreaterThan(30);
    }
  });
});

function publicKeyOf(deployment: Deployment, producer: Producer): string {
  const found = deployment.trust.find(producer, `${producer}-1`);
  if (found === undefined) throw new Error(`${producer} is not in the trust file`);
  return found.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}
