// The checks can fail: messaging alone behind the enemy is right as it is, doubles without its inbox, loses without receipts.

import { generateKeyPairSync } from "node:crypto";
import { createTrust, type Producer, type Sealer, seal, type TrustFile } from "@sluice/contracts";
import {
  appendOutbox,
  createBus,
  ensureTopics,
  type Handlers,
  type Logger,
  MESSAGING_MIGRATIONS,
  receiptHandler,
  removeTopics,
  startConsumer,
  startReceipts,
  startRelay,
} from "@sluice/messaging";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { startHostileBroker } from "./proxy.ts";

const TYPE = "transaction.broadcast.v1";
const RECEIPT = "message.received.v1";
const COUNT = 150;
const SENTINEL = "sentinel";
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

type Played = {
  /** How often each of the messages took effect. */
  readonly times: readonly number[];
  readonly deeds: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
};

/** @param sendAgainAfterMs so late that it never happens: the broker's word is believed. */
async function play(options: { readonly forgetful: boolean; readonly sendAgainAfterMs: number }): Promise<Played> {
  const broker = await startHostileBroker(process.env["KAFKA_BROKERS"] ?? "", 7);
  onTestFinished(broker.close);
  const { enemy, real, faults } = broker;
  const { pool, gateway, risk, trust } = await openWorld();
  const topicPrefix = `h${Math.random().toString(36).slice(2)}.`;
  const bus = createBus({ brokers: [broker.address], clientId: "hostile", logger, topicPrefix });
  await ensureTopics(bus, [TYPE, RECEIPT], { partitions: 1, replicationFactor: 1 });
  onTestFinished(() => removeTopics(bus));
  if (options.forgetful) await pool.query(FORGETFUL_INBOX);

  const world = { bus, pool, trust, logger };
  const receipts = startReceipts({ bus, logger, sealer: risk, everyMs: 100 });
  onTestFinished(receipts.stop);
  const reads: Handlers = {
    [TYPE]: async (tx, { id }) => {
      await tx.query("insert into effect (id) values ($1)", [id]);
    },
  };
  const writes = { [RECEIPT]: receiptHandler("blockchain-gateway") };
  const reader = { ...world, group: `${topicPrefix}r`, receipts, topics: [TYPE], handlers: reads } as const;
  for (const consumer of [
    reader,
    { ...world, group: `${topicPrefix}w`, topics: [RECEIPT], handlers: writes } as const,
  ]) {
    onTestFinished((await startConsumer(consumer)).stop);
  }
  const relay = await startRelay({ ...world, pollMs: 50, sendAgainAfterMs: options.sendAgainAfterMs });
  onTestFinished(relay.stop);

  enemy.setMalice(1);
  for (let number = 0; number < COUNT; number += 1) {
    await append(pool, gateway, `m-${number}`);
    if (number === COUNT / 2) await real.truncate(bus.topicName(TYPE), 0);
  }
  await expect.poll(() => waiting(pool), { timeout: 40_000 }).toBe(0);
  enemy.setMalice(0);
  // On an honest broker it comes after everything that is still on its way, so that what is missing then is lost.
  await append(pool, gateway, SENTINEL);
  await expect.poll(() => timesOf(pool, SENTINEL), { timeout: 40_000 }).toBeGreaterThan(0);
  if (options.sendAgainAfterMs < 10_000) await expect.poll(() => unconfirmed(pool), { timeout: 40_000 }).toBe(0);
  const times = await Promise.all(Array.from({ length: COUNT }, (_, number) => timesOf(pool, `m-${number}`)));
  return { times, deeds: enemy.counts(), faults };
}

/** What took effect is not remembered. */
const FORGETFUL_INBOX = `
  create function forget() returns trigger language plpgsql as $$
  begin delete from inbox where message_id = new.message_id; return null; end $$;
  create trigger forgetful after insert on inbox for each row execute function forget();`;

async function openWorld(): Promise<{
  pool: Pool;
  gateway: Sealer;
  risk: Sealer;
  trust: ReturnType<typeof createTrust>;
}> {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.url, applicationName: "hostile", max: 8 });
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
  });
  await migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }]);
  await pool.query("create table effect (id text)");
  const [gateway, risk] = [newKey("blockchain-gateway"), newKey("online-risk")];
  return { pool, gateway: gateway.sealer, risk: risk.sealer, trust: createTrust([gateway.entry, risk.entry]) };
}

function newKey(producer: Producer): { readonly sealer: Sealer; readonly entry: TrustFile[number] } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keyId = `${producer}-1`;
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  return { sealer: { producer, keyId, privateKey }, entry: { producer, keyId, publicKey: raw } };
}

async function append(pool: Pool, sealer: Sealer, id: string): Promise<void> {
  const message = { transactionId: "ab".repeat(32), withdrawals: [{ withdrawalId: "w", attempt: 1 }] };
  const envelope = seal(sealer, TYPE, { id, key: "k", occurredAtMs: 1_000, message });
  await transaction(pool, (tx) => appendOutbox(tx, { topic: TYPE, key: "k", id, envelope }));
}

async function timesOf(pool: Pool, id: string): Promise<number> {
  return (await pool.query("select 1 from effect where id = $1", [id])).rowCount;
}

async function waiting(pool: Pool): Promise<number> {
  return (await pool.query("select 1 from outbox where published_at is null")).rowCount;
}

async function unconfirmed(pool: Pool): Promise<number> {
  return (await pool.query("select 1 from outbox where awaits <> '{}'")).rowCount;
}

const lost = ({ times }: Played): number => times.filter((n) => n === 0).length;
const doubled = ({ times }: Played): number => times.filter((n) => n > 1).length;

describe("150 messages behind the enemy", () => {
  it("take effect once each, with inbox and receipts", async () => {
    const played = await play({ forgetful: false, sendAgainAfterMs: 300 });
    expect([lost(played), doubled(played), played.faults]).toEqual([0, 0, []]);
    expect(played.deeds["dropped"]).toBeGreaterThan(0);
    expect(played.deeds["hundredfold"]).toBeGreaterThan(0);
  });

  it("planted: take effect twice when the inbox forgets", async () => {
    const played = await play({ forgetful: true, sendAgainAfterMs: 300 });
    expect([lost(played), played.faults]).toEqual([0, []]);
    expect(doubled(played)).toBeGreaterThan(0);
  });

  it("planted: are lost when the broker's word is believed", async () => {
    const played = await play({ forgetful: false, sendAgainAfterMs: 300_000 });
    expect([doubled(played), played.faults]).toEqual([0, []]);
    expect(lost(played)).toBeGreaterThan(0);
  });
});
