// Instances come and go under load: every message takes effect once, in the order of its key.

import { expect, it, onTestFinished } from "vitest";
import { type Consumer, startConsumer } from "../src/index.ts";
import { message, recordingHandlers, TYPE } from "./messages.ts";
import { countEffects, createWorld, effects, eventually } from "./world.ts";

const KEYS = Array.from({ length: 20 }, (_, index) => `key-${index}`);
const PER_KEY = 100;
const ROUNDS = 10;

it("gives each of 2,000 messages one effect while a second instance joins and the first leaves", async () => {
  const world = await createWorld({ partitions: 6 });
  const handledBy = new Map<string, number>();
  const start = async (name: string): Promise<Consumer> => {
    const consumer = await startConsumer({
      ...world,
      topics: [TYPE],
      handlers: recordingHandlers,
      observe: ({ outcome }) => {
        if (outcome === "handled") handledBy.set(name, (handledBy.get(name) ?? 0) + 1);
      },
    });
    onTestFinished(() => consumer.stop());
    return consumer;
  };
  const publishRound = (round: number): Promise<void> =>
    world.publish(
      TYPE,
      Array.from({ length: PER_KEY / ROUNDS }, (_, index) => round * (PER_KEY / ROUNDS) + index + 1).flatMap((number) =>
        KEYS.map((key) => ({ key, value: message(world.sealers.gateway, `${key}-${number}`, key, number) })),
      ),
    );

  const first = await start("first");
  let second: Promise<Consumer> | undefined;
  let left: Promise<void> | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round === 3) second = start("second");
    // From here on both instances are members, and what is published reaches both.
    if (round === 6) await second;
    await publishRound(round);
    if (round === 8) {
      await eventually(() => handledBy.get("second") ?? 0).toBeGreaterThan(0);
      left = first.stop();
    }
  }
  await left;
  await eventually(() => countEffects(world.pool)).toBeGreaterThanOrEqual(KEYS.length * PER_KEY);
  await (await second)?.stop();

  const all = await effects(world.pool);
  expect(all).toHaveLength(KEYS.length * PER_KEY);
  for (const key of KEYS) {
    const numbers = all.filter((effect) => effect.key === key).map(({ number }) => number);
    expect(numbers).toEqual(Array.from({ length: PER_KEY }, (_, index) => index + 1));
  }
  expect([...handledBy.keys()].toSorted()).toEqual(["first", "second"]);
});
