// Receipts on real parts: what a broker acknowledged and lost is sent again, until each reader itself has confirmed it.

import { type OutgoingMessage, type Sealer, seal } from "@sluice/contracts";
import { transaction } from "@sluice/postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  appendOutbox,
  type ConsumerOptions,
  pruneOutbox,
  receiptHandler,
  redrive,
  startConsumer,
  startReceipts,
  startRelay,
} from "../src/index.ts";
import { markPublished, overdue } from "../src/outbox.ts";
import { message, recordingHandlers, TYPE } from "./messages.ts";
import { appendMessages, countEffects, createWorld, effectIds, eventually, rawKafka, type World } from "./world.ts";

const RECEIPT = "message.received.v1";
const TOPICS = [TYPE, RECEIPT] as const;

/** The publisher's own consumer, which takes receipts, and its relay. */
async function publisher(world: World): Promise<{ readonly sentAgain: () => number }> {
  let rows = 0;
  const observeSentAgain = (more: number) => {
    rows += more;
  };
  const relay = await startRelay({ ...world, pollMs: 100, sendAgainAfterMs: 700, observeSentAgain });
  onTestFinished(relay.stop);
  const handlers = { [RECEIPT]: receiptHandler("blockchain-gateway") };
  const consumer = await startConsumer({ ...world, group: `${world.group}-own`, topics: [RECEIPT], handlers });
  onTestFinished(consumer.stop);
  return { sentAgain: () => rows };
}

async function reader(world: World, overrides: Partial<ConsumerOptions> = {}): Promise<void> {
  const receipts = startReceipts({ ...world, sealer: world.sealers.risk, everyMs: 100 });
  onTestFinished(receipts.stop);
  const consumer = await startConsumer({
    ...world,
    receipts,
    topics: [TYPE],
    handlers: recordingHandlers,
    ...overrides,
  });
  onTestFinished(consumer.stop);
}

const unconfirmedIds = async ({ pool }: World): Promise<readonly string[]> =>
  (await pool.query<{ message_id: string }>("select message_id from outbox where awaits <> '{}' order by id")).rows.map(
    (row) => row.message_id,
  );

const published = async ({ pool }: World): Promise<number> =>
  (await pool.query("select 1 from outbox where published_at is not null")).rowCount;

/** What the broker was given is gone for good, as with a broker that acknowledged and threw it away. */
async function truncate({ bus, invitation }: World): Promise<void> {
  const admin = rawKafka(invitation.brokers).admin();
  await admin.connect();
  // The client deletes only where it has asked before who leads.
  await admin.fetchTopicOffsets(bus.topicName(TYPE));
  await admin.deleteTopicRecords({ topic: bus.topicName(TYPE), partitions: [{ partition: 0, offset: "-1" }] });
  await admin.disconnect();
}

function receipt(sealer: Sealer, ids: readonly string[], id = "r-1"): Uint8Array {
  const outgoing: OutgoingMessage<typeof RECEIPT> = {
    id,
    key: sealer.producer,
    occurredAtMs: 1_000,
    message: { received: [{ type: TYPE, ids }] },
  };
  return seal(sealer, RECEIPT, outgoing);
}

describe("what the broker lost", () => {
  it("reaches its reader without anybody's help, once, and is then left alone", async () => {
    const world = await createWorld({ topics: TOPICS });
    const { sentAgain } = await publisher(world);
    await appendMessages(world, ["a", "b"], 5);
    await eventually(() => published(world)).toBe(10);
    await truncate(world);
    await reader(world);
    await eventually(() => unconfirmedIds(world)).toEqual([]);
    expect(await countEffects(world.pool)).toBe(10);
    expect(sentAgain()).toBeGreaterThanOrEqual(10);
  });

  it("stays unconfirmed for ever when nobody sends receipts: the planted fault shows", async () => {
    const world = await createWorld({ topics: TOPICS });
    const { sentAgain } = await publisher(world);
    const consumer = await startConsumer({ ...world, topics: [TYPE], handlers: recordingHandlers });
    onTestFinished(consumer.stop);
    await appendMessages(world, ["a"], 3);
    await eventually(sentAgain).toBeGreaterThanOrEqual(6);
    expect(await unconfirmedIds(world)).toEqual(["a-1", "a-2", "a-3"]);
    expect(await effectIds(world.pool)).toEqual(["a-1", "a-2", "a-3"]);
  });
});

describe("sending again", () => {
  it("goes easy on a reader from which nothing comes, and takes turns among what it sends", async () => {
    const world = await createWorld({ topics: [] });
    await appendMessages(world, ["a"], 250);
    const ids = async () => (await overdue(world.pool, [TYPE])).map(({ id }) => id);
    const all = (await world.pool.query<{ id: bigint }>("select id from outbox order by id")).rows.map(({ id }) => id);
    expect(await ids()).toEqual([]);
    await markPublished(world.pool, all, 0);
    expect(await ids()).toEqual(all.slice(0, 5));
    await markPublished(world.pool, all.slice(0, 5), 0);
    expect(await ids()).toEqual(all.slice(5, 10));

    await world.pool.query("insert into receipt_heard (consumer, heard_at) values ('online-risk', now())");
    expect(await ids()).toEqual(all.slice(5, 105));
    await markPublished(world.pool, all.slice(5, 105), 60_000);
    await markPublished(world.pool, all.slice(105), 60_000);
    expect(await ids()).toEqual(all.slice(0, 5));
  });

  it("comes after twice as long each time, and never later than after five minutes", async () => {
    const world = await createWorld({ topics: [] });
    await appendMessages(world, ["a"], 1);
    const waits: number[] = [];
    const [row] = (await world.pool.query<{ id: bigint }>("select id from outbox")).rows;
    for (let time = 0; time < 6; time += 1) {
      await markPublished(world.pool, [row?.id ?? 0n], 30_000);
      const wait = "select extract(epoch from send_again_at - published_at)::float8 as seconds from outbox";
      waits.push((await world.pool.query<{ seconds: number }>(wait)).rows[0]?.seconds ?? 0);
    }
    expect(waits).toEqual([30, 60, 120, 240, 300, 300]);
  });
});

it("waits for nobody who no longer reads the topic", async () => {
  const world = await createWorld({ topics: [] });
  await appendMessages(world, ["a"], 2);
  await world.pool.query("update outbox set awaits = '{treasury,online-risk}', published_at = now()");
  await world.pool.query("update outbox set awaits = '{treasury}' where message_id = 'a-2'");
  expect(await pruneOutbox(world.pool, new Date(Date.now() + 60_000))).toBe(1);
  expect((await world.pool.query("select message_id, awaits from outbox")).rows).toEqual([
    { message_id: "a-1", awaits: ["online-risk"] },
  ]);
});

describe("a receipt", () => {
  it("is believed from the reader itself, about its own publisher's messages, and from nobody else", async () => {
    const world = await createWorld({ topics: TOPICS });
    await publisher(world);
    await appendMessages(world, ["a"], 2);
    const { risk, vault, stranger } = world.sealers;
    await world.publish(RECEIPT, [
      // Another reader's receipt is about itself alone; a stranger's seal and a changed bit are nobody's.
      { value: receipt(vault, ["a-1", "a-2"]) },
      { value: receipt({ ...stranger, producer: "online-risk", keyId: risk.keyId }, ["a-1"]) },
      { value: flipped(receipt(risk, ["a-1"], "r-2")) },
      { value: receipt(risk, ["a-2", "never-sent"], "r-3") },
    ]);
    await eventually(() => unconfirmedIds(world)).toEqual(["a-1"]);
    const parked = "select code from dead_letter order by id";
    expect((await world.pool.query(parked)).rows).toEqual([{ code: "SEAL_INVALID" }, { code: "SEAL_INVALID" }]);
  });

  it("of before confirms nothing that was driven again since, when the broker brings it once more", async () => {
    const world = await createWorld({ topics: TOPICS });
    await publisher(world);
    await appendMessages(world, ["a"], 2);
    const old = { value: receipt(world.sealers.risk, ["a-1", "a-2"]) };
    await world.publish(RECEIPT, [old]);
    await eventually(() => unconfirmedIds(world)).toEqual([]);
    await eventually(() => published(world)).toBe(2);
    expect(await redrive(world.pool, TYPE, new Date(0))).toBe(2);
    // One partition: when the new one has taken effect, the old one has come and gone.
    await world.publish(RECEIPT, [old, { value: receipt(world.sealers.risk, ["a-1"], "r-2") }]);
    await eventually(() => unconfirmedIds(world)).toEqual(["a-2"]);
  });

  it("is not held up by an id that fits into none", async () => {
    const world = await createWorld({ topics: TOPICS });
    await publisher(world);
    const id = "x".repeat(300);
    const envelope = message(world.sealers.gateway, id);
    await transaction(world.pool, (tx) => appendOutbox(tx, { topic: TYPE, key: "k", id, envelope }));
    await appendMessages(world, ["a"], 2);
    await reader(world);
    await eventually(() => unconfirmedIds(world)).toEqual([id]);
    expect(await effectIds(world.pool)).toEqual([id, "a-1", "a-2"]);
  });

  it("goes out for what is parked under a good seal, and not for what no seal vouches for", async () => {
    const world = await createWorld({ topics: TOPICS });
    await publisher(world);
    const handlers = {
      [TYPE]: async () => {
        throw new Error("cannot be handled");
      },
    };
    await appendMessages(world, ["a"], 1);
    await reader(world, { handlers });
    await eventually(() => unconfirmedIds(world)).toEqual([]);
    const parked = "select code from dead_letter";
    expect((await world.pool.query(parked)).rows).toEqual([{ code: "HANDLER_FAILED" }]);
  });
});

function flipped(bytes: Uint8Array): Uint8Array {
  const last = bytes.length - 1;
  return bytes.map((byte, at) => (at === last ? byte ^ 1 : byte));
}
