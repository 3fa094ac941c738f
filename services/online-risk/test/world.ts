// One deployment for one test: its own database and topics on the real parts, keys, files, and processes of the service.
import { randomUUID } from "node:crypto";
import { createSluiceClient, type NewWithdrawal, type SluiceClient } from "@sluice/client";
import { createPool, type Pool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { addressNumber, HOT_WALLET, SECOND_WALLET } from "./addresses.ts";
import { createKey, seedOf, type TestKey, trustEntry } from "./keys.ts";
import { createPeer, type Peer } from "./peer.ts";
import { type Defer, type Running, startProcess, writeFiles } from "./process.ts";

export type World = {
  readonly pool: Pool;
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly keys: Keys;
  readonly env: Readonly<Record<string, string>>;
  readonly start: (expected?: "ready" | "halted") => Promise<Running>;
  readonly databaseUrl: string;
};

export type Keys = {
  readonly service: TestKey;
  readonly vault: TestKey;
  readonly zone: TestKey;
  readonly gateway: TestKey;
  /** May do everything. */
  readonly backend: TestKey;
  readonly reader: TestKey;
  readonly ann: TestKey;
  /** Another key of the same person as ann's. */
  readonly ann2: TestKey;
  readonly bob: TestKey;
  readonly elsewhere: TestKey;
  readonly limited: TestKey;
  readonly revoked: TestKey;
  /** In the trust file, but no API key. */
  readonly idle: TestKey;
};

export type WorldOptions = { readonly policy?: Readonly<Record<string, unknown>>; readonly defer?: Defer };

const ANYWHERE = ["0.0.0.0/0", "::/0"];

export const POLICY = {
  accountWindows: [],
  maxAmountMinor: "100000000000",
  newDestination: { aboveMinor: "100000000000", delayMs: 1 },
  labels: [],
  // There is no semi-offline zone in these tests that could speak.
  zone: { zoneSilentMs: 31_536_000_000 },
};

export async function createWorld({ policy, defer = onTestFinished }: WorldOptions = {}): Promise<World> {
  const database = await createTestDatabase();
  defer(() => database.drop());
  const keys = createKeys();
  const files = await writeFiles(
    {
      trust: [...Object.values(keys)].map((key) => trustEntry(key, key === keys.revoked)),
      policy: { ...POLICY, ...policy },
      apiKeys: apiKeysOf(keys),
      wallets: [
        { walletId: "hot", asset: "BTC", descriptor: HOT_WALLET, gapLimit: 20 },
        { walletId: "hot-2", asset: "BTC", descriptor: SECOND_WALLET, gapLimit: 20 },
      ],
      secrets: {
        sealKeyId: keys.service.keyId,
        sealSeed: seedOf(keys.service),
        databasePassword: decodeURIComponent(new URL(database.url).password),
      },
    },
    defer,
  );
  const topicPrefix = `t${randomUUID().slice(0, 8)}.`;
  const brokers = (process.env["KAFKA_BROKERS"] ?? "").split(",");
  const url = new URL(database.url);
  url.password = "";
  const env = {
    SLUICE_LOG_LEVEL: "info",
    SLUICE_TRUST_FILE: files.trust,
    SLUICE_SECRETS_SOURCE: files.secrets,
    SLUICE_DATABASE_URL: url.toString(),
    SLUICE_KAFKA_BROKERS: brokers.join(","),
    SLUICE_TOPIC_PREFIX: topicPrefix,
    SLUICE_HTTP_PORT: "0",
    SLUICE_API_PORT: "0",
    SLUICE_NETWORK: "regtest",
    SLUICE_POLICY_FILE: files.policy,
    SLUICE_API_KEYS_FILE: files.apiKeys,
    SLUICE_WALLETS_FILE: files.wallets,
    // The shortest that brokers allow: a killed instance is given up after it.
    SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6000",
    SLUICE_MARK_EVERY_MS: "300",
  };
  const pool = createPool({ url: database.url, applicationName: "test", max: 3 });
  defer(() => pool.end());
  return {
    pool,
    brokers,
    topicPrefix,
    keys,
    env,
    databaseUrl: database.url,
    start: (expected) => startProcess(env, defer, expected),
  };
}

function createKeys(): Keys {
  const backend = (name: string) => createKey("exchange-backend", name);
  return {
    service: createKey("online-risk"),
    vault: createKey("vault"),
    zone: createKey("semi-offline-risk"),
    gateway: createKey("blockchain-gateway"),
    ...{
      backend: backend("backend"),
      reader: backend("reader"),
      ann: backend("ann"),
      ann2: backend("ann2"),
      bob: backend("bob"),
    },
    ...{ elsewhere: backend("elsewhere"), limited: backend("limited") },
    ...{ revoked: backend("revoked"), idle: backend("idle") },
  };
}

const PEOPLE = ["approve", "fail", "reopen", "policy", "activate"];

function apiKeysOf({ backend, reader, ann, ann2, bob, elsewhere, limited, revoked }: Keys) {
  const scopes = ["withdraw", "read", "approve"];
  const rows = [
    { key: backend, scopes: [...scopes, "signals", "policy"], ipAllowList: ANYWHERE },
    { key: reader, scopes: ["read"], ipAllowList: ANYWHERE },
    { key: ann, person: "Ann", scopes: [...PEOPLE, "read", "suspend"], ipAllowList: ANYWHERE },
    {
      key: ann2,
      person: "Ann",
      scopes: [...PEOPLE, "withdraw", "read", "suspend"],
      ipAllowList: ANYWHERE,
    },
    { key: bob, person: "Bob", scopes: PEOPLE, ipAllowList: ANYWHERE },
    { key: elsewhere, scopes, ipAllowList: ["192.0.2.0/24", "2001:db8::/32"] },
    {
      key: limited,
      scopes: [...scopes, "signals", "suspend", "policy"],
      ipAllowList: ["127.0.0.0/8"],
      accounts: ["acme"],
      maxAmountMinor: "50000",
    },
    { key: revoked, scopes, ipAllowList: ANYWHERE },
  ];
  return rows.map(({ key, ...row }) => ({ keyId: key.keyId, ...row }));
}

export function clientOf(running: Pick<Running, "api">, { keyId, privateKey }: TestKey, tries = 1): SluiceClient {
  return createSluiceClient({ baseUrl: running.api, keyId, privateKey, tries });
}

/** The clearances that were announced. */
export const CLEARED = "outbox where topic = 'withdrawal.cleared.v1'";

/** Of a table, or of what a condition selects in it. */
export async function countRows(pool: Pool, table: string): Promise<number> {
  return (await pool.query(`select from ${table}`)).rowCount;
}

/** A world for all tests of a file, and how to end it. */
export async function createSharedWorld(options: Omit<WorldOptions, "defer"> = {}) {
  const cleanUps: (() => Promise<void>)[] = [];
  const defer: Defer = (cleanUp) => cleanUps.push(cleanUp);
  const world = await createWorld({ ...options, defer });
  const end = async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  };
  return { world, end, defer };
}

/** A world for all tests of the group that this is called in, because each start of a process takes most of a second. */
export function shareWorld(options: Omit<WorldOptions, "defer"> = {}): {
  readonly world: () => World;
  /** Its process. A test that ends it starts the next one with `world().start()` and hands it on. */
  readonly living: () => Promise<Running>;
  readonly handOn: (running: Running | undefined) => void;
  readonly peer: () => Promise<Peer>;
} {
  let shared: Awaited<ReturnType<typeof createSharedWorld>>;
  let running: Promise<Running> | undefined;
  let peer: Promise<Peer> | undefined;
  beforeAll(async () => {
    shared = await createSharedWorld(options);
  });
  afterAll(() => shared.end());
  return {
    world: () => shared.world,
    living: () => {
      running ??= shared.world.start();
      return running;
    },
    handOn: (next) => {
      running = next === undefined ? undefined : Promise.resolve(next);
    },
    peer: () => {
      peer ??= createPeer(shared.world, shared.defer);
      return peer;
    },
  };
}

let lastNumber = 0;

/** A withdrawal that nothing is wrong with, to a destination of its own. */
export function newWithdrawal(change: Partial<NewWithdrawal> = {}): NewWithdrawal {
  lastNumber += 1;
  const number = lastNumber;
  return {
    id: `w-${number}`,
    account: "acme",
    asset: "BTC",
    amount: 10_000n,
    address: addressNumber(number),
    ...change,
  };
}
