// A database, a set of topics of its own and real seals, for tests against real parts and for the processes they start.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  createTrust,
  type MessageType,
  type Producer,
  type Sealer,
  type Trust,
  type TrustFile,
} from "@sluice/contracts";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { Kafka, logLevel } from "kafkajs";
import { expect, onTestFinished } from "vitest";
import { appendOutbox, type Bus, createBus, ensureTopics, type Logger, MESSAGING_MIGRATIONS } from "../src/index.ts";
import { type Invitation, message, TYPE } from "./messages.ts";

export type LogLine = {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
};

export type World = {
  readonly invitation: Invitation;
  readonly pool: Pool;
  readonly bus: Bus;
  readonly trust: Trust;
  readonly logger: Logger;
  readonly log: readonly LogLine[];
  readonly group: string;
  readonly sealers: { readonly [name in "gateway" | "vault" | "risk" | "stranger"]: Sealer };
  /** The stranger names itself like the gateway's key and is in no trust file. */
  readonly strangersPublicKey: string;
  /** Puts bytes on a topic past the outbox, as an enemy or an older version would. */
  readonly publish: (type: MessageType, records: readonly RawRecord[]) => Promise<void>;
};

export type RawRecord = {
  readonly key?: string | Buffer | null;
  readonly value: Uint8Array | null;
  readonly partition?: number;
};

export async function createWorld(
  options: { readonly partitions?: number; readonly topics?: readonly MessageType[] } = {},
): Promise<World> {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.url, applicationName: "messaging-test", max: 8 });
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
  });
  const gateway = newKey("blockchain-gateway", "gateway-1");
  const vault = newKey("vault", "vault-1");
  // The one who reads what most tests send.
  const risk = newKey("online-risk", "online-risk-1");
  const stranger = newKey("blockchain-gateway", "gateway-1");
  const trustFile = [gateway.entry, vault.entry, risk.entry];
  const invitation: Invitation = {
    databaseUrl: database.url,
    brokers: brokersFromEnvironment(),
    topicPrefix: `t${randomBytes(6).toString("hex")}.`,
    trust: trustFile,
  };
  const { logger, log } = collectingLogger();
  const bus = createBus({ ...invitation, clientId: "messaging-test", logger });
  await migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }]);
  // No unique constraint: an effect that happened twice must show.
  await pool.query("create table effect (position bigserial, id text, key text, number integer)");
  await ensureTopics(bus, options.topics ?? [TYPE], { partitions: options.partitions ?? 1, replicationFactor: 1 });
  return {
    invitation,
    pool,
    bus,
    trust: createTrust(trustFile),
    logger,
    log,
    group: `group-${invitation.topicPrefix}`,
    sealers: { gateway: gateway.sealer, vault: vault.sealer, risk: risk.sealer, stranger: stranger.sealer },
    strangersPublicKey: stranger.entry.publicKey,
    publish: (type, records) => publishRaw(invitation.brokers, bus.topicName(type), records),
  };
}

export type Effect = { readonly id: string; readonly key: string; readonly number: number };

export async function effects(pool: Pool): Promise<readonly Effect[]> {
  return (await pool.query<Effect>("select id, key, number from effect order by position")).rows;
}

export async function effectIds(pool: Pool): Promise<readonly string[]> {
  return (await effects(pool)).map(({ id }) => id);
}

export async function countEffects(pool: Pool): Promise<number> {
  return Number((await pool.query<{ n: bigint }>("select count(*) as n from effect")).rows[0]?.n);
}

/** Waits until what is read fulfils what follows; the time allowed is for a busy machine and never part of a proof. */
export function eventually<T>(read: () => T): ReturnType<typeof expect.poll> {
  return expect.poll(read, { timeout: 40_000, interval: 50 });
}

/** Ends every other connection to the pool's database, as a restart of the server or an operator would. */
export async function killOthers(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  return rowCount;
}

/** Appends messages to the outbox, each in a transaction of its own, numbered under their keys from `first`. */
export async function appendMessages(world: World, keys: readonly string[], count: number, first = 1): Promise<void> {
  for (let number = first; number < first + count; number += 1) {
    for (const key of keys) {
      const id = `${key}-${number}`;
      const envelope = message(world.sealers.gateway, id, key, number);
      await transaction(world.pool, (tx) => appendOutbox(tx, { topic: TYPE, key, id, envelope }));
    }
  }
}

export function collectingLogger(): { readonly logger: Logger; readonly log: readonly LogLine[] } {
  const log: LogLine[] = [];
  const at =
    (level: string): Logger["info"] =>
    (fields, message) => {
      log.push({ level, fields, message });
    };
  return { logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }, log };
}

/** A plain client of the same cluster, for what the package itself would never do. */
export function rawKafka(brokers: readonly string[]): Kafka {
  return new Kafka({ brokers: [...brokers], clientId: "messaging-test-raw", logLevel: logLevel.NOTHING });
}

async function publishRaw(brokers: readonly string[], topic: string, records: readonly RawRecord[]): Promise<void> {
  const producer = rawKafka(brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({
    topic,
    messages: records.map(({ key = "k", value, partition }) => ({
      key,
      value: value === null ? null : Buffer.from(value),
      ...(partition === undefined ? {} : { partition }),
    })),
  });
  await producer.disconnect();
}

function brokersFromEnvironment(): readonly string[] {
  const brokers = process.env["KAFKA_BROKERS"];
  if (brokers === undefined) throw new Error("KAFKA_BROKERS is not set: this test needs a Kafka broker.");
  return brokers.split(",");
}

function newKey(producer: Producer, keyId: string): { readonly sealer: Sealer; readonly entry: TrustFile[number] } {
  const pair = generateKeyPairSync("ed25519");
  // The last 32 bytes of the DER form are the raw key (RFC 8410).
  const publicKey = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  return { sealer: { producer, keyId, privateKey: pair.privateKey }, entry: { producer, keyId, publicKey } };
}
