// The other services as far as this one sees them: they seal and publish on the same topics, and read what it publishes.
import { createHash } from "node:crypto";
import { createTrust, type MessageOf, type MessageType, type OpenedOf, seal } from "@sluice/contracts";
import {
  appendOutbox,
  createBus,
  ensureTopics,
  listDeadLetters,
  MESSAGING_MIGRATIONS,
  startConsumer,
  startRelay,
} from "@sluice/messaging";
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { onTestFinished } from "vitest";
import { type TestKey, trustEntry } from "./keys.ts";
import type { Defer } from "./process.ts";
import type { Keys, World } from "./world.ts";

export type Outgoing = {
  [T in MessageType]: {
    readonly key: TestKey;
    readonly type: T;
    readonly id: string;
    readonly message: MessageOf<T>;
    readonly occurredAtMs?: number;
  };
}[MessageType];

export type Peer = {
  /** Appends them in one transaction; they arrive in this order within each topic. */
  readonly publish: (messages: readonly Outgoing[]) => Promise<void>;
  readonly cleared: readonly OpenedOf<"withdrawal.cleared.v1">[];
  readonly changed: readonly OpenedOf<"withdrawal.changed.v1">[];
  readonly suspended: readonly OpenedOf<"suspension.changed.v1">[];
  /** Why it could not take what it was told: one id for two contents, for instance. */
  readonly refused: () => Promise<readonly string[]>;
};

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export async function createPeer({ brokers, topicPrefix, keys }: World, defer: Defer = onTestFinished): Promise<Peer> {
  const database = await createTestDatabase();
  defer(() => database.drop());
  const pool = createPool({ url: database.url, applicationName: "test-peer" });
  defer(() => pool.end());
  await migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }]);
  const bus = createBus({ brokers, clientId: "test-peer", logger: quiet, topicPrefix });
  const topics = ["withdrawal.cleared.v1", "withdrawal.changed.v1", "suspension.changed.v1"] as const;
  await ensureTopics(bus, topics);
  const relay = await startRelay({ bus, pool, logger: quiet });
  defer(relay.stop);
  const cleared: OpenedOf<"withdrawal.cleared.v1">[] = [];
  const changed: OpenedOf<"withdrawal.changed.v1">[] = [];
  const suspended: OpenedOf<"suspension.changed.v1">[] = [];
  const consumer = await startConsumer({
    ...{ bus, pool, group: `${topicPrefix}test-peer`, topics, logger: quiet },
    trust: createTrust([trustEntry(keys.service)]),
    handlers: {
      "withdrawal.cleared.v1": async (_, opened) => void cleared.push(opened),
      "withdrawal.changed.v1": async (_, opened) => void changed.push(opened),
      "suspension.changed.v1": async (_, opened) => void suspended.push(opened),
    },
  });
  defer(consumer.stop);
  return {
    cleared,
    changed,
    suspended,
    refused: async () => (await listDeadLetters(pool)).map(({ code, reason }) => `${code}: ${reason}`),
    publish: (messages) =>
      transaction(pool, async (tx) => {
        for (const { key, type, id, message, occurredAtMs = Date.now() } of messages) {
          const envelope = seal(key, type, { id, key: id, occurredAtMs, message });
          await appendOutbox(tx, { topic: type, key: id, id, envelope });
        }
      }),
  };
}

/** A report that changes nothing but the count. */
export function report({ zone }: Keys, number: bigint, taskId = `task-${number}`): Outgoing {
  const transactionId = createHash("sha256").update(taskId).digest("hex");
  const verdict = { case: "signed", value: { psbt: Uint8Array.of(1), holders: ["semi-offline-signer-a"] } } as const;
  const message = { number, taskId, withdrawals: [], transactionId, verdict };
  return { key: zone, type: "risk.reported.v1", id: `${taskId}/${number}`, message };
}
