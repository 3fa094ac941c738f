// The relay on real parts: order, failover, topics that are missing or lost, and the way over the bridge.

import { transaction } from "@sluice/postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  appendOutbox,
  ensureTopics,
  outboxBacklog,
  pruneOutbox,
  type Relay,
  type RelayOptions,
  redrive,
  rewindGroup,
  startBridgeRelay,
  startConsumer,
  startRelay,
} from "../src/index.ts";
import { confirmReceived } from "../src/outbox.ts";
import { message, recordingHandlers, TYPE } from "./messages.ts";
import { appendMessages, countEffects, createWorld, effects, eventually, rawKafka, type World } from "./world.ts";

async function relay(world: World, overrides: Partial<RelayOptions> = {}): Promise<Relay> {
  const started = await startRelay({ ...world, pollMs: 100, ...overrides });
  onTestFinished(() => started.stop());
  return started;
}

async function consume(world: World) {
  const consumer = await startConsumer({ ...world, topics: [TYPE], handlers: recordingHandlers });
  onTestFinished(() => consumer.stop());
  return consumer;
}

const waiting = async (world: World): Promise<number> => Number((await outboxBacklog(world.pool)).rows);

describe("the outbox", () => {
  it("keeps nothing of a transaction that rolls back, refuses what is too large, and tells what waits", async () => {
    const world = await createWorld({ topics: [] });
    const envelope = message(world.sealers.gateway, "m");
    const rolledBack = transaction(world.pool, async (tx) => {
      await appendOutbox(tx, { topic: TYPE, key: "k", id: "m", envelope });
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    const tooLarge = { topic: TYPE, key: "k", id: "large", envelope: new Uint8Array(4 * 1024 * 1024 + 1) } as const;
    await expect(transaction(world.pool, (tx) => appendOutbox(tx, tooLarge))).rejects.toThrow("large is too large");
    expect(await outboxBacklog(world.pool)).toEqual({ rows: 0n, oldestAt: null });
    await appendMessages(world, ["a"], 2);
    expect(await outboxBacklog(world.pool)).toEqual({ rows: 2n, oldestAt: expect.any(Date) });
  });

  it("is published without waiting for the next look", async () => {
    const world = await createWorld();
    await relay(world, { pollMs: 60_000 });
    for (let number = 1; number <= 3; number += 1) {
      await appendMessages(world, ["a"], 1, number);
      await eventually(() => waiting(world)).toBe(0);
    }
  });

  it("carries large envelopes, several of which would not fit into one batch, to the consumer", async () => {
    const world = await createWorld();
    await relay(world);
    await consume(world);
    const sizes = [900 * 1024, 900 * 1024 + 1, 900 * 1024 + 2, 4 * 1024 * 1024];
    await transaction(world.pool, async (tx) => {
      for (const size of sizes) {
        await appendOutbox(tx, { topic: TYPE, key: "k", id: `${size}`, envelope: Buffer.alloc(size, 7) });
      }
    });
    await eventually(() => waiting(world)).toBe(0);
    // They are no envelopes, so that they end as dead letters, whole.
    const parked = "select octet_length(envelope) as size from dead_letter order by id";
    await eventually(async () => (await world.pool.query(parked)).rows).toEqual(sizes.map((size) => ({ size })));
  });
});

describe("two relays on one database", () => {
  it("take turns, and the order of each key holds through a change of leader", async () => {
    const world = await createWorld({ partitions: 3 });
    const keys = ["a", "b", "c", "d"];
    const relays = [await relay(world), await relay(world)];
    await consume(world);
    const leaders = () => relays.filter((one) => one.state() === "relaying").length;
    await eventually(leaders).toBe(1);
    // The consumer's sign of life is a lock too.
    const killLeader = `select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
        and (classid::bigint << 32) | objid::bigint = hashtextextended('lock:relay:kafka', 0)`;
    for (let round = 0; round < 4; round += 1) {
      await appendMessages(world, keys, 25, round * 25 + 1);
      expect((await world.pool.query(killLeader)).rowCount).toBe(1);
      await eventually(leaders).toBe(1);
    }
    await eventually(() => countEffects(world.pool)).toBeGreaterThanOrEqual(400);
    const all = await effects(world.pool);
    expect(all).toHaveLength(400);
    for (const key of keys) {
      const numbers = all.filter((effect) => effect.key === key).map(({ number }) => number);
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    }
  });
});

describe("a topic", () => {
  it("that is missing holds up only its own messages, until it is there", async () => {
    const world = await createWorld();
    await relay(world);
    // More than one batch of them, all older than what can be published.
    await transaction(world.pool, async (tx) => {
      const early = { topic: "transaction.reorged.v1", key: "k", id: "early", envelope: Buffer.from("x") } as const;
      for (let row = 0; row < 600; row += 1) await appendOutbox(tx, early);
    });
    await appendMessages(world, ["a"], 5);
    await eventually(() => waiting(world)).toBe(600);
    expect(world.log.some(({ message }) => message.startsWith("a topic does not take messages"))).toBe(true);
    await appendMessages(world, ["a"], 5, 6);
    await eventually(() => waiting(world)).toBe(600);
    await ensureTopics(world.bus, ["transaction.reorged.v1"], { partitions: 1, replicationFactor: 1 });
    await eventually(() => waiting(world)).toBe(0);
  });

  it("that was lost is made anew and driven again: the consumer misses nothing and repeats nothing", async () => {
    const world = await createWorld();
    await relay(world);
    const before = await consume(world);
    await appendMessages(world, ["a", "b"], 20);
    await eventually(() => countEffects(world.pool)).toBe(40);
    await before.stop();
    // These are published, and lost before anybody reads them.
    await appendMessages(world, ["a", "b"], 20, 21);
    await eventually(() => waiting(world)).toBe(0);

    const admin = rawKafka(world.invitation.brokers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [world.bus.topicName(TYPE)] });
    await eventually(async () => (await admin.listTopics()).includes(world.bus.topicName(TYPE))).toBe(false);
    await admin.disconnect();
    await ensureTopics(world.bus, [TYPE], { partitions: 1, replicationFactor: 1 });
    await rewindGroup(world.bus, world.group, [TYPE]);
    expect(await redrive(world.pool, TYPE, new Date(0))).toBe(80);

    await consume(world);
    await eventually(() => countEffects(world.pool)).toBe(80);
    expect(await waiting(world)).toBe(0);
    const numbers = (await effects(world.pool)).filter(({ key }) => key === "a").map(({ number }) => number);
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  it("can be driven again only as far back as rows were kept", async () => {
    const world = await createWorld();
    await relay(world);
    await appendMessages(world, ["a"], 3);
    await eventually(() => waiting(world)).toBe(0);
    expect(await redrive(world.pool, TYPE, new Date(Date.now() + 60_000))).toBe(0);
    expect(await pruneOutbox(world.pool, new Date(0))).toBe(0);
    // What a reader has not confirmed stays, however old.
    expect(await pruneOutbox(world.pool, new Date(Date.now() + 60_000))).toBe(0);
    await transaction(world.pool, (tx) => confirmReceived(tx, "online-risk", TYPE, ["a-1", "a-2", "a-3"]));
    expect(await pruneOutbox(world.pool, new Date(Date.now() + 60_000))).toBe(3);
    expect(await redrive(world.pool, TYPE, new Date(0))).toBe(0);
  });
});

describe("ensureTopics", () => {
  it("may be called by several instances at once, and again", async () => {
    const world = await createWorld({ topics: [] });
    const ensure = () => ensureTopics(world.bus, [TYPE], { partitions: 2, replicationFactor: 1 });
    await Promise.all([ensure(), ensure(), ensure()]);
    await ensure();
    const admin = rawKafka(world.invitation.brokers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [world.bus.topicName(TYPE)] });
    await admin.disconnect();
    expect(topics[0]?.partitions).toHaveLength(2);
  });
});

describe("the bridge relay", () => {
  it("sends in order, repeats what was not accepted, and leaves what goes to Kafka alone", async () => {
    const world = await createWorld({ topics: [] });
    const accepted: string[] = [];
    let sends = 0;
    const started = await startBridgeRelay({
      ...world,
      pollMs: 50,
      types: ["signing.requested.v1"],
      send: async (envelope) => {
        sends += 1;
        if (sends % 4 === 3) throw new Error("the bridge is down");
        accepted.push(Buffer.from(envelope).toString());
      },
    });
    onTestFinished(() => started.stop());
    await transaction(world.pool, async (tx) => {
      for (const id of ["1", "2", "3", "4", "5", "6"]) {
        await appendOutbox(tx, { topic: "signing.requested.v1", key: "w", id, envelope: Buffer.from(id) });
      }
      await appendOutbox(tx, { topic: TYPE, key: "w", id: "kafka", envelope: Buffer.from("kafka") });
    });
    await eventually(() => accepted).toEqual(["1", "2", "3", "4", "5", "6"]);
    await eventually(() => waiting(world)).toBe(1);
    expect(() => startBridgeRelay({ ...world, types: [TYPE], send: async () => undefined })).toThrow("does not cross");
  });
});
