// A process is killed before and after each of its durable effects; a second one finishes. Nothing is lost, nothing takes effect twice.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crashArming, pointsAround, reachedPoints } from "@sluice/crash-points";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { startConsumer } from "../src/index.ts";
import { startChild } from "./child.ts";
import { CONSUMER_EFFECTS, OUTBOX_EFFECTS, RELAY_EFFECTS } from "./crash-points.ts";
import { message, recordingHandlers, TYPE } from "./messages.ts";
import { appendMessages, countEffects, createWorld, effects, eventually, type World } from "./world.ts";

/** Three transactions of a consumer (60 messages each), of which the second is hit. */
const MESSAGES = 150;

const KEYS = ["a", "b", "c"];
const PER_KEY = MESSAGES / KEYS.length;

const folder = mkdtempSync(join(tmpdir(), "messaging-points-"));
afterAll(() => rmSync(folder, { recursive: true }));
const reached = join(folder, "reached");

function expected(): readonly string[] {
  return KEYS.flatMap((key) => Array.from({ length: PER_KEY }, (_, index) => `${key}-${index + 1}`)).toSorted();
}

async function expectEachOnceInOrder(world: World): Promise<void> {
  const all = await effects(world.pool);
  expect(all.map(({ id }) => id).toSorted()).toEqual(expected());
  for (const key of KEYS) {
    const numbers = all.filter((effect) => effect.key === key).map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
}

/** All at once: most of the time goes by until Kafka gives up the dead member of each group. */
async function killAt(
  what: string,
  effectsOf: readonly string[],
  kill: (point: string) => Promise<NodeJS.Signals | null>,
): Promise<void> {
  const points = pointsAround(effectsOf);
  const kills = await Promise.all(points.map(kill));
  process.stdout.write(`${what}: killed at ${kills.length} of ${points.length} crash points\n`);
  expect(kills).toEqual(points.map(() => "SIGKILL"));
  expect(points.filter((point) => !reachedPoints(reached).includes(point))).toEqual([]);
}

describe("a crash", () => {
  // Its session would outlast the test: the second process takes the dead one's partitions because it has it leave.
  it("of a consumer at any point loses nothing, repeats nothing, and makes nobody wait for the dead member", () =>
    killAt("consumer", CONSUMER_EFFECTS, killConsumerAt));

  it("of a relay at any point loses nothing and repeats nothing", () => killAt("relay", RELAY_EFFECTS, killRelayAt));

  it("while an outbox is driven again or tidied loses nothing", () => killAt("outbox", OUTBOX_EFFECTS, killOutboxAt));
});

async function killConsumerAt(point: string): Promise<NodeJS.Signals | null> {
  const world = await createWorld();
  const { invitation, group, sealers } = world;
  const records = Array.from({ length: PER_KEY }, (_, index) =>
    KEYS.map((key) => ({ key, value: message(sealers.gateway, `${key}-${index + 1}`, key, index + 1) })),
  ).flat();
  const parks = point.endsWith("parkAlone");
  if (parks) {
    await world.pool.query("create table known (key text primary key)");
    await world.pool.query("insert into known select unnest($1::text[])", [KEYS]);
    await world.pool.query(
      "alter table effect add foreign key (key) references known (key) deferrable initially deferred",
    );
    records.push({ key: "unknown", value: message(sealers.gateway, "orphan", "unknown") });
  }
  await world.publish(TYPE, records);
  const flags = crashArming(reached, point, parks ? 1 : 2);
  const { signal } = await startChild("consumer-process.ts", { invitation, group }, flags).ended;
  const left = await countEffects(world.pool);
  if (!parks) expect([point, left]).toEqual([point, point.startsWith("before messaging/settle") ? 60 : 120]);
  const second = startChild("consumer-process.ts", { invitation, group });
  await eventually(() => countEffects(world.pool)).toBeGreaterThanOrEqual(MESSAGES);
  const letters = async () => (await world.pool.query("select from dead_letter")).rowCount;
  await eventually(letters).toBe(parks ? 1 : 0);
  await second.terminate();
  expect(await second.ended).toEqual({ code: 0, signal: null });
  await expectEachOnceInOrder(world);
  return signal;
}

async function killRelayAt(point: string): Promise<NodeJS.Signals | null> {
  const world = await createWorld();
  const { invitation } = world;
  await appendMessages(world, KEYS, PER_KEY);
  const { signal } = await startChild("relay-process.ts", { invitation }, crashArming(reached, point)).ended;
  const unmarked = () => world.pool.query("select from outbox where published_at is null");
  expect((await unmarked()).rowCount).toBe(point === "after messaging/outbox markPublished" ? 0 : MESSAGES);
  const second = startChild("relay-process.ts", { invitation });
  const outcomes: string[] = [];
  const consumer = await startConsumer({
    ...world,
    topics: [TYPE],
    handlers: recordingHandlers,
    observe: ({ outcome }) => outcomes.push(outcome),
  });
  onTestFinished(() => consumer.stop());
  // Killed between publishing and marking, everything is published again, and the inbox absorbs it.
  const isTwice = point === "after kafka outbox" || point === "before messaging/outbox markPublished";
  await eventually(() => outcomes.length).toBe(isTwice ? 2 * MESSAGES : MESSAGES);
  await eventually(async () => (await unmarked()).rowCount).toBe(0);
  await second.terminate();
  expect(await second.ended).toEqual({ code: 0, signal: null });
  await expectEachOnceInOrder(world);
  return signal;
}

async function killOutboxAt(point: string): Promise<NodeJS.Signals | null> {
  const world = await createWorld({ topics: [] });
  const { invitation, pool } = world;
  await appendMessages(world, KEYS, PER_KEY);
  await pool.query("update outbox set published_at = now(), awaits = '{}'");
  const { signal } = await startChild("outbox-process.ts", { invitation }, crashArming(reached, point)).ended;
  const waiting = async () => (await pool.query("select from outbox where published_at is null")).rowCount;
  expect([point, await waiting()]).toEqual([point, point === "before messaging/outbox redrive" ? 0 : MESSAGES]);
  // What is to be driven again is not tidied away, however often it is begun.
  const second = startChild("outbox-process.ts", { invitation });
  expect(await second.ended).toEqual({ code: 0, signal: null });
  expect(await waiting()).toBe(MESSAGES);
  return signal;
}
