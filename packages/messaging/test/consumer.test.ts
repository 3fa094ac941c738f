// The consumer on a real broker: redelivery, poison, failures that pass, failures that do not, and a stop that loses nothing.

import { PartitionAssigners } from "kafkajs";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Consumer,
  type ConsumerOptions,
  InvariantBroken,
  listDeadLetters,
  type Observation,
  OperatingError,
  retryDeadLetter,
  rewindGroup,
  startConsumer,
} from "../src/index.ts";
import { forbiddenEnvelope, message, recordEffect, recordingHandlers, TYPE } from "./messages.ts";
import { countEffects, createWorld, effectIds, eventually, rawKafka, type World } from "./world.ts";

type Running = { readonly consumer: Consumer; readonly seen: Observation[] };

async function consume(world: World, overrides: Partial<ConsumerOptions> = {}): Promise<Running> {
  const seen: Observation[] = [];
  const consumer = await startConsumer({
    ...world,
    topics: [TYPE],
    handlers: recordingHandlers,
    observe: (observation) => seen.push(observation),
    ...overrides,
  });
  onTestFinished(() => consumer.stop());
  return { consumer, seen };
}

const count = ({ seen }: Running, outcome: Observation["outcome"]): number =>
  seen.filter((observation) => observation.outcome === outcome).length;

const ids = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `m-${from + index}`);

const records = (world: World, names: readonly string[], partition = 0) =>
  names.map((id) => ({ value: message(world.sealers.gateway, id), partition }));

describe("redelivery", () => {
  it("of one message a hundred times, of the whole topic to the group, and to a new group, has no further effect", async () => {
    const world = await createWorld();
    const [copy] = records(world, ["m-1"]);
    if (copy === undefined) throw new Error("unreachable");
    await world.publish(TYPE, [...Array.from({ length: 100 }, () => copy), ...records(world, ["m-2"])]);
    const first = await consume(world);
    await eventually(() => first.seen.length).toBe(101);
    expect(count(first, "duplicate")).toBe(99);
    await first.consumer.stop();

    await rewindGroup(world.bus, world.group, [TYPE]);
    const again = await consume(world);
    await eventually(() => count(again, "duplicate")).toBe(101);
    await again.consumer.stop();

    const other = await consume(world, { group: `${world.group}other` });
    await eventually(() => count(other, "duplicate")).toBe(101);
    expect(await effectIds(world.pool)).toEqual(["m-1", "m-2"]);
    expect(await listDeadLetters(world.pool)).toEqual([]);
  });
});

describe("poison", () => {
  it("of every kind is parked with its code, and every good message around it takes effect", async () => {
    const world = await createWorld();
    const { gateway, vault, stranger } = world.sealers;
    const good = records(world, ids(1, 9)).map(({ value }) => value);
    const poison: readonly (readonly [string, Uint8Array | null])[] = [
      ["ENVELOPE_MALFORMED", Buffer.from("no envelope at all")],
      ["TYPE_UNKNOWN", null],
      ["SEAL_INVALID", message(stranger, "stranger")],
      ["PRODUCER_NOT_PERMITTED", forbiddenEnvelope(vault)],
      ["HANDLER_FAILED", message(gateway, "throws")],
      ["STATEMENT_FAILED", message(gateway, "fails-in-sql")],
      ["STATEMENT_FAILED", message(gateway, "swallows-a-failure")],
      ["COIN_UNKNOWN", message(gateway, "parks-itself")],
    ];
    const mixed = good.flatMap((value, index) => [value, ...(poison[index] ?? []).slice(1)] as (Uint8Array | null)[]);
    await world.publish(
      TYPE,
      mixed.map((value) => ({ value, key: Buffer.from([0, 255]) })),
    );
    const run = await consume(world, {
      handlers: {
        [TYPE]: async (tx, opened) => {
          await recordEffect(tx, opened);
          if (opened.id === "throws") throw new Error("cannot");
          if (opened.id === "fails-in-sql") await tx.query("insert into nowhere values (1)");
          if (opened.id === "swallows-a-failure") await tx.query("select 1/0").catch(() => undefined);
          if (opened.id === "parks-itself") throw new OperatingError("COIN_UNKNOWN", "park", "no such coin");
        },
      },
    });
    await eventually(() => run.seen.length).toBe(mixed.length);
    expect(await effectIds(world.pool)).toEqual(ids(1, 9));
    const letters = await listDeadLetters(world.pool);
    expect(letters.map(({ code }) => code)).toEqual(poison.map(([code]) => code));
    expect(letters.map(({ envelope }) => envelope)).toEqual(poison.map(([, value]) => Buffer.from(value ?? [])));
    expect(world.log.filter(({ message }) => message === "a message was parked as a dead letter")).toHaveLength(8);

    const retried = letters.map(({ id }) => retryDeadLetter(world.pool, id, { ...world, handlers: recordingHandlers }));
    const results = await Promise.all(retried);
    expect(results.map(({ ok }) => ok)).toEqual([false, false, false, false, true, true, true, true]);
    expect(await countEffects(world.pool)).toBe(9 + 4);
  });

  it("that was meant for another topic is refused here", async () => {
    const world = await createWorld({ topics: [TYPE, "transaction.planned.v1"] });
    await world.publish("transaction.planned.v1", records(world, ["m-1"]));
    await world.publish(TYPE, records(world, ["m-2"]));
    const run = await consume(world, {
      topics: [TYPE, "transaction.planned.v1"],
      handlers: { ...recordingHandlers, "transaction.planned.v1": async () => undefined },
    });
    await eventually(() => run.seen.length).toBe(2);
    expect(await effectIds(world.pool)).toEqual(["m-2"]);
    expect(await listDeadLetters(world.pool)).toMatchObject([
      { code: "TYPE_UNEXPECTED", topic: "transaction.planned.v1" },
    ]);
  });
});

describe("a failure that passes", () => {
  it("rolls its whole batch back until it has passed, parks nothing, and holds up no other partition", async () => {
    const world = await createWorld({ partitions: 2 });
    let open = false;
    await world.publish(TYPE, records(world, ["m-1", "m-2", "waits", "m-3"], 0));
    const run = await consume(world, {
      handlers: {
        [TYPE]: async (tx, opened) => {
          await recordEffect(tx, opened);
          if (opened.id === "waits" && !open) throw new OperatingError("NODE_BEHIND", "retry", "not yet");
        },
      },
    });
    await eventually(() => count(run, "retried")).toBeGreaterThanOrEqual(4);
    await world.publish(TYPE, records(world, ["other"], 1));
    await eventually(() => effectIds(world.pool)).toEqual(["other"]);
    open = true;
    await eventually(() => countEffects(world.pool)).toBe(5);
    expect(await effectIds(world.pool)).toEqual(["other", "m-1", "m-2", "waits", "m-3"]);
    expect(await listDeadLetters(world.pool)).toEqual([]);
  });

  it("is also a database connection killed in the middle of a batch", async () => {
    const world = await createWorld();
    const victims = new Set(["m-5", "m-70"]);
    await world.publish(TYPE, records(world, ids(1, 100)));
    const run = await consume(world, {
      handlers: {
        [TYPE]: async (tx, opened) => {
          await recordEffect(tx, opened);
          if (victims.delete(opened.id)) await tx.query("select pg_terminate_backend(pg_backend_pid())");
        },
      },
    });
    await eventually(() => count(run, "handled")).toBe(100);
    expect(count(run, "retried")).toBeGreaterThanOrEqual(2);
    expect(await effectIds(world.pool)).toEqual(ids(1, 100));
    expect(await listDeadLetters(world.pool)).toEqual([]);
  });
});

describe("a broken invariant", () => {
  it("saves nothing of its batch, ends the consumer, and is met again by the next one", async () => {
    const world = await createWorld();
    await world.publish(TYPE, records(world, ["m-1", "m-2", "m-3"]));
    const fatal: unknown[] = [];
    const breaking: Partial<ConsumerOptions> = {
      onFatal: (error) => fatal.push(error),
      handlers: {
        [TYPE]: async (tx, opened) => {
          await recordEffect(tx, opened);
          if (opened.id === "m-2") throw new InvariantBroken("paid twice");
        },
      },
    };
    const { consumer } = await consume(world, breaking);
    await eventually(() => fatal).toEqual([new InvariantBroken("paid twice")]);
    expect(consumer.state()).toBe("failed");
    await consumer.stop();
    expect(await countEffects(world.pool)).toBe(0);
    const repaired = await consume(world);
    await eventually(() => count(repaired, "handled")).toBe(3);
  });
});

describe("stop", () => {
  it("waits for the transaction in hand, commits its offset, and the next instance goes on exactly there", async () => {
    const world = await createWorld();
    await world.publish(TYPE, records(world, ids(1, 130)));
    let entered: () => void = () => undefined;
    const inHand = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const first = await consume(world, {
      handlers: {
        [TYPE]: async (tx, opened) => {
          if (opened.id === "m-10") {
            entered();
            await tx.query("select pg_sleep(0.3)");
          }
          await recordEffect(tx, opened);
        },
      },
    });
    await inHand;
    await first.consumer.stop();
    expect(first.consumer.state()).toBe("stopped");
    expect(await effectIds(world.pool)).toEqual(ids(1, 60));
    const lags: number[] = [];
    const second = await consume(world, { observeLag: ({ messages }) => lags.push(messages) });
    await eventually(() => second.seen.length).toBe(70);
    expect(count(second, "duplicate")).toBe(0);
    await eventually(() => lags).toEqual([10, 0]);
    expect(await effectIds(world.pool)).toEqual(ids(1, 130));
  });
});

describe("a consumer that broke off", () => {
  it("joins its group again by itself and goes on where it was", async () => {
    const world = await createWorld();
    await world.publish(TYPE, records(world, ["m-1"]));
    const seen: string[] = [];
    let failures = 0;
    const { consumer } = await consume(world, {
      // What the client retries some times and then gives up over, as when the cluster goes away.
      observe: ({ outcome }) => {
        if (failures < 10) {
          failures += 1;
          throw new Error("away");
        }
        seen.push(outcome);
      },
    });
    await eventually(() => seen).toEqual(["duplicate"]);
    const said = world.log.filter(({ message }) => message === "the consumer broke off and starts again");
    expect(said).toHaveLength(1);
    await eventually(() => consumer.state()).toBe("running");
    expect(await effectIds(world.pool)).toEqual(["m-1"]);
  });
});

describe("startConsumer", () => {
  it("refuses a type without handler, a handler without type, and a message that has no topic", async () => {
    const world = await createWorld({ topics: [] });
    const start = (overrides: Partial<ConsumerOptions>) =>
      startConsumer({ ...world, topics: [TYPE], handlers: recordingHandlers, ...overrides });
    await expect(start({ topics: [TYPE, "transaction.signed.v1"] })).rejects.toThrow("transaction.signed.v1 is read");
    await expect(start({ topics: [] })).rejects.toThrow(`${TYPE} has a handler`);
    const bridged = {
      topics: ["signing.requested.v1"],
      handlers: { "signing.requested.v1": async () => undefined },
    } as const;
    await expect(start(bridged)).rejects.toThrow("has no topic");
  });

  it("rejects, and says that it can never go on, when the group does not take it", async () => {
    const world = await createWorld();
    // Members of one group must agree on how partitions are shared out; this one knows another way only.
    const stubborn = rawKafka(world.invitation.brokers).consumer({
      groupId: world.group,
      maxWaitTimeInMs: 100,
      partitionAssigners: [
        (options) => {
          const assigner = PartitionAssigners.roundRobin(options);
          const protocol: typeof assigner.protocol = (subscription) => ({
            ...assigner.protocol(subscription),
            name: "own",
          });
          return { ...assigner, name: "own", protocol };
        },
      ],
    });
    onTestFinished(() => stubborn.disconnect());
    await stubborn.connect();
    await stubborn.subscribe({ topics: [world.bus.topicName(TYPE)] });
    await stubborn.run({ eachMessage: async () => undefined });
    const fatal: unknown[] = [];
    const start = startConsumer({
      ...world,
      topics: [TYPE],
      handlers: recordingHandlers,
      onFatal: (error) => fatal.push(error),
    });
    await expect(start).rejects.toThrow(/protocol/);
    expect(fatal).toHaveLength(1);
    expect(world.log.filter(({ message }) => message === "the consumer cannot go on")).toHaveLength(1);
  });

  it("rejects when its topic does not exist, and creates none", async () => {
    const world = await createWorld({ topics: [] });
    await expect(startConsumer({ ...world, topics: [TYPE], handlers: recordingHandlers })).rejects.toThrow();
    await expect(startConsumer({ ...world, topics: [TYPE], handlers: recordingHandlers })).rejects.toThrow();
  });
});
