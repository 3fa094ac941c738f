// Everybody else around the service under test: what they publish, and what they take of what it says.
import { randomBytes } from "node:crypto";
import {
  type MessageType,
  maySeal,
  type OpenedOf,
  open,
  type Producer,
  TOPICS,
  type Trust,
  topicsFor,
} from "@sluice/contracts";
import {
  appendOutbox,
  createBus,
  ensureTopics,
  type Handler,
  type Handlers,
  listDeadLetters,
  MESSAGING_MIGRATIONS,
  startConsumer,
  startRelay,
} from "@sluice/messaging";
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { named } from "./real-parts.ts";

/** Everybody else: an outbox whose messages reach the topics, and a reader of what the service seals. */
export async function openOutside(service: Producer, brokers: string, topicPrefix: string, trust: Trust) {
  const topics = TOPICS.filter((type) => maySeal(service, type));
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const database = await createTestDatabase(named("DATABASE_URL"));
  const pool = createPool({ url: database.url, applicationName: "test outside", max: 4 });
  await migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }]);
  await pool.query("create table collected (position bigserial primary key, type text, envelope bytea)");
  const bus = createBus({ brokers: brokers.split(","), clientId: "test", topicPrefix, logger: silent });
  await ensureTopics(bus, [...new Set([...topicsFor(service), ...topics])]);
  const relay = await startRelay({ bus, pool, logger: silent });
  const keep: Handler<MessageType> = async (tx, { type, envelope }) => {
    await tx.query("insert into collected (type, envelope) values ($1, $2)", [type, envelope]);
  };
  const handlers: Handlers = Object.fromEntries(topics.map((type) => [type, keep]));
  const group = `${topicPrefix}outside`;
  const reader =
    topics.length === 0 ? null : await startConsumer({ bus, pool, group, trust, topics, handlers, logger: silent });
  return {
    publish: async (topic: MessageType, key: string, envelope: Uint8Array): Promise<void> => {
      await transaction(pool, (tx) => appendOutbox(tx, { topic, key, id: randomBytes(8).toString("hex"), envelope }));
    },
    collected: async <T extends MessageType>(type: T): Promise<readonly OpenedOf<T>[]> => {
      const { rows } = await pool.query<{ envelope: Buffer }>(
        "select envelope from collected where type = $1 order by position",
        [type],
      );
      return rows.map(({ envelope }) => {
        const opened = open(trust, envelope, [type]);
        if (!opened.ok) throw new Error(`what was collected does not open: ${opened.refusal.code}`);
        return opened.value;
      });
    },
    refused: async () => (await listDeadLetters(pool)).map(({ topic, code, reason }) => `${topic}: ${code}: ${reason}`),
    close: async () => {
      await reader?.stop();
      await relay.stop();
      await pool.end();
      await database.drop();
    },
  };
}
