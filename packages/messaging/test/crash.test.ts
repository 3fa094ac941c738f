// A process is killed between every two steps; a second one finishes. Nothing is lost, nothing takes effect twice.

import { describe, expect, it, onTestFinished } from "vitest";
import { type ConsumerCrashPoint, type RelayCrashPoint, startConsumer } from "../src/index.ts";
import { startChild } from "./child.ts";
import { message, recordingHandlers, TYPE } from "./messages.ts";
import { appendMessages, countEffects, createWorld, effects, eventually, type World } from "./world.ts";

/** Three transactions of a consumer (60 messages each), of which the second is hit. */
const MESSAGES = 150;

const CONSUMER_POINTS: readonly { readonly point: ConsumerCrashPoint; readonly occurrence: number }[] = [
  { point: "before-transaction", occurrence: 2 },
  { point: "after-inbox", occurrence: 90 },
  { point: "after-handler", occurrence: 90 },
  { point: "before-commit", occurrence: 2 },
  { point: "after-commit", occurrence: 2 },
  { point: "after-offset", occurrence: 2 },
];

const RELAY_POINTS: readonly RelayCrashPoint[] = ["before-publish", "after-publish", "after-mark"];

const KEYS = ["a", "b", "c"];
const PER_KEY = MESSAGES / KEYS.length;

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

function tell(what: string, killed: number, of: number): void {
  process.stdout.write(`${what}: ${killed} of ${of} processes were killed at their point\n`);
}

describe("a crash", () => {
  // Its session would outlast the test: the second process takes the dead one's partitions because it has it leave.
  it("of a consumer at any point loses nothing, repeats nothing, and makes nobody wait for the dead member", async () => {
    const kills = await Promise.all(CONSUMER_POINTS.map(killConsumerAt));
    tell("consumer", kills.filter((signal) => signal === "SIGKILL").length, CONSUMER_POINTS.length);
    expect(kills).toEqual(CONSUMER_POINTS.map(() => "SIGKILL"));
  });

  it("of a relay at any point loses nothing and repeats nothing", async () => {
    const kills = await Promise.all(RELAY_POINTS.map(killRelayAt));
    tell("relay", kills.filter((signal) => signal === "SIGKILL").length, RELAY_POINTS.length);
    expect(kills).toEqual(RELAY_POINTS.map(() => "SIGKILL"));
  });
});

async function killConsumerAt(dieAt: (typeof CONSUMER_POINTS)[number]): Promise<NodeJS.Signals | null> {
  const world = await createWorld();
  const { invitation, group, sealers } = world;
  const records = Array.from({ length: PER_KEY }, (_, index) =>
    KEYS.map((key) => ({ key, value: message(sealers.gateway, `${key}-${index + 1}`, key, index + 1) })),
  ).flat();
  await world.publish(TYPE, records);
  const { signal } = await startChild("consumer-process.ts", { invitation, group, dieAt }).ended;
  const left = await countEffects(world.pool);
  expect(left).toBe(["after-commit", "after-offset"].includes(dieAt.point) ? 120 : 60);
  const second = startChild("consumer-process.ts", { invitation, group, dieAt: null });
  await eventually(() => countEffects(world.pool)).toBeGreaterThanOrEqual(MESSAGES);
  await second.terminate();
  expect(await second.ended).toEqual({ code: 0, signal: null });
  await expectEachOnceInOrder(world);
  return signal;
}

async function killRelayAt(point: RelayCrashPoint): Promise<NodeJS.Signals | null> {
  const world = await createWorld();
  const { invitation } = world;
  await appendMessages(world, KEYS, PER_KEY);
  const { signal } = await startChild("relay-process.ts", { invitation, dieAt: { point, occurrence: 1 } }).ended;
  const unmarked = () => world.pool.query("select from outbox where published_at is null");
  expect((await unmarked()).rowCount).toBe(point === "after-mark" ? 0 : MESSAGES);
  const second = startChild("relay-process.ts", { invitation, dieAt: null });
  const outcomes: string[] = [];
  const consumer = await startConsumer({
    ...world,
    topics: [TYPE],
    handlers: recordingHandlers,
    observe: ({ outcome }) => outcomes.push(outcome),
  });
  onTestFinished(() => consumer.stop());
  // Killed between publishing and marking, everything is published again, and the inbox absorbs it.
  const deliveries = point === "after-publish" ? 2 * MESSAGES : MESSAGES;
  await eventually(() => outcomes.length).toBe(deliveries);
  await eventually(async () => (await unmarked()).rowCount).toBe(0);
  await second.terminate();
  expect(await second.ended).toEqual({ code: 0, signal: null });
  await expectEachOnceInOrder(world);
  return signal;
}
