// A world of its own around vault: databases, topics, seals, a wallet, and the settings of its processes.
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { testBridgeKey, testBridgeKeys } from "@sluice/bridge/testing";
import {
  type MessageOf,
  type MessageType,
  type OpenedOf,
  type Producer,
  type Sealer,
  seal,
  type Trust,
} from "@sluice/contracts";
import {
  appendOutbox,
  createBus,
  ensureTopics,
  type Handlers,
  type Logger,
  MESSAGING_MIGRATIONS,
  startConsumer,
  startRelay,
} from "@sluice/messaging";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { clear, makeSeals, request, seedOf } from "@sluice/signing-fixtures";
import { onTestFailed, onTestFinished } from "vitest";
import { createTestWallet, type FundingCoin, type TestWallet } from "./holders.ts";

export type World = {
  readonly topicPrefix: string;
  readonly wallet: TestWallet;
  readonly walletId: string;
  readonly trust: Trust;
  readonly sealers: Readonly<Record<Producer, Sealer>>;
  readonly bridgeSocket: string;
  /** Vault's own database. */
  readonly vault: Pool;
  readonly env: Readonly<Record<string, string>>;
  /** Seals a message as its first producer and puts it on its topic. */
  readonly tell: <T extends MessageType>(
    type: T,
    producer: Producer,
    id: string,
    message: MessageOf<T>,
  ) => Promise<void>;
  readonly publish: (type: MessageType, id: string, envelope: Uint8Array) => Promise<void>;
  readonly clear: (withdrawal: TestWithdrawal) => Promise<void>;
  readonly observe: (coin: FundingCoin, height?: number) => Promise<void>;
  /** What vault put on a topic, each message once, in order. */
  readonly heard: <T extends MessageType>(type: T) => readonly OpenedOf<T>[];
};

export type TestWithdrawal = {
  readonly id: string;
  readonly amountSat: bigint;
  readonly account?: string;
  readonly address?: string;
};

export { DESTINATION } from "@sluice/signing-fixtures";

const FROM_VAULT = [
  "transaction.planned.v1",
  "signing.started.v1",
  "risk.reported.v1",
  "transaction.signed.v1",
  "zone.reported.v1",
  "refill.requested.v1",
] as const satisfies readonly MessageType[];
const TO_VAULT = [
  "withdrawal.cleared.v1",
  "coin.observed.v1",
  "coin.vanished.v1",
  "transaction.confirmed.v1",
  "transaction.reorged.v1",
  "transaction.stuck.v1",
  "fee.estimated.v1",
  "suspension.changed.v1",
] as const;

export async function createWorld(overrides: Readonly<Record<string, string>> = {}, partitions = 1): Promise<World> {
  const topicPrefix = `v${randomBytes(6).toString("hex")}.`;
  const directory = await mkdtemp(join(tmpdir(), "sluice-vault-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const own = await createTestDatabase();
  onTestFinished(own.drop);
  const outside = await createTestDatabase();
  onTestFinished(outside.drop);
  const vault = openPool(own.url);
  const pool = openPool(outside.url);
  await migrate(pool, [{ set: "messaging", directory: MESSAGING_MIGRATIONS }]);

  const { sealers, trust, file: trustFile } = makeSeals();
  const wallet = createTestWallet();
  const walletId = "hot-1";
  const logger = quietLogger();
  const brokers = (process.env["KAFKA_BROKERS"] ?? "").split(",");
  const bus = createBus({ brokers, clientId: "vault-test", logger, topicPrefix });
  await ensureTopics(bus, [...FROM_VAULT, ...TO_VAULT], { partitions, replicationFactor: 1 });
  const relay = await startRelay({ bus, pool, logger });
  onTestFinished(relay.stop);
  const heard: { readonly type: MessageType }[] = [];
  const hear = async (_: unknown, opened: { readonly type: MessageType }) => void heard.push(opened);
  const consumer = await startConsumer({
    bus,
    pool,
    group: `${topicPrefix}outside`,
    trust,
    topics: FROM_VAULT,
    handlers: Object.fromEntries(FROM_VAULT.map((type) => [type, hear])) as Handlers,
    logger,
  });
  onTestFinished(consumer.stop);

  const wallets = [{ walletId, asset: "BTC", descriptor: wallet.text, gapLimit: wallet.gapLimit }];
  const file = async (name: string, content: unknown) => {
    const path = join(directory, name);
    await writeFile(path, JSON.stringify(content));
    await chmod(path, 0o600);
    return path;
  };
  const password = new URL(own.url).password;
  const bridgeSocket = join(directory, "bridge.sock");
  const env = {
    SLUICE_DATABASE_URL: withoutPassword(own.url),
    SLUICE_KAFKA_BROKERS: brokers.join(","),
    SLUICE_TOPIC_PREFIX: topicPrefix,
    // The shortest that a broker allows: a second process waits this long for the partitions of a dead one.
    SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6000",
    SLUICE_HTTP_PORT: "0",
    SLUICE_TRUST_FILE: await file("trust.json", trustFile),
    SLUICE_SECRETS_SOURCE: await file("secrets.json", {
      sealKeyId: sealers.vault.keyId,
      sealSeed: seedOf(sealers.vault),
      bridgeKey: testBridgeKey("vault"),
      ...(password === "" ? {} : { databasePassword: decodeURIComponent(password) }),
    }),
    SLUICE_NETWORK: "regtest",
    SLUICE_WALLETS_FILE: await file("wallets.json", wallets),
    SLUICE_BRIDGE_CARRIER: `unix:${bridgeSocket}`,
    SLUICE_BRIDGE_KEYS_FILE: await file("bridge-keys.json", testBridgeKeys(["vault", "semi-offline-risk"])),
    SLUICE_FEE_RATE_SAT_PER_VBYTE: "2",
    SLUICE_BATCH_WAIT_MS: "50",
    SLUICE_ASK_AGAIN_MS: "300",
    // Messages are counted here, so nobody moves coins meanwhile.
    SLUICE_TIDY_EVERY_MS: "24h",
    ...overrides,
  };

  const publish: World["publish"] = (type, id, envelope) =>
    transaction(pool, (tx) => appendOutbox(tx, { topic: type, key: id, id, envelope }));
  const tell: World["tell"] = (type, producer, id, message) =>
    publish(type, id, seal(sealers[producer], type, { id, key: id, occurredAtMs: 1_000, message }));
  return {
    topicPrefix,
    wallet,
    walletId,
    trust,
    sealers,
    bridgeSocket,
    vault,
    env,
    tell,
    publish,
    clear: (withdrawal) => publish("withdrawal.cleared.v1", withdrawal.id, clearanceOf(sealers, withdrawal)),
    observe: ({ txid, ...coin }, height = 101) =>
      tell("coin.observed.v1", "blockchain-gateway", `${walletId}/${txid}:${coin.vout}/${height}`, {
        ...coin,
        walletId,
        transactionId: txid,
        blockHash: height.toString(16).padStart(64, "0"),
        height,
      }),
    heard: <T extends MessageType>(type: T) => heard.filter((opened): opened is OpenedOf<T> => opened.type === type),
  };
}

/** A backend's signed request inside online-risk's sealed clearance. */
export function clearanceOf(sealers: World["sealers"], withdrawal: TestWithdrawal): Uint8Array {
  const { amountSat, id, ...rest } = withdrawal;
  return clear({ sealers }, request(id, { ...rest, amount: String(amountSat) }), 1_000);
}

/** Says nothing, unless the test fails. */
function quietLogger(): Logger {
  const lines: string[] = [];
  const keep = (fields: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push(`outside: ${message} ${inspect(fields, { breakLength: Number.POSITIVE_INFINITY })}`);
  onTestFailed(() => void process.stdout.write(`${lines.join("\n")}\n`));
  return { debug: () => undefined, info: keep, warn: keep, error: keep };
}

function openPool(url: string): Pool {
  const pool = createPool({ url, applicationName: "vault-test", max: 5 });
  onTestFinished(pool.end);
  return pool;
}

function withoutPassword(url: string): string {
  const address = new URL(url);
  address.password = "";
  return address.toString();
}
