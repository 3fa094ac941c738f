// For tests: one online service as a real process on real parts, with the rest of the world around it on real topics.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type MessageType,
  maySeal,
  type OpenedOf,
  type OutgoingMessage,
  PRODUCERS,
  type Producer,
  type Sealer,
  seal,
  type Trust,
} from "@sluice/contracts";
import type { Exit } from "@sluice/devstack";
import { createPool, type Pool } from "@sluice/postgres";
import { createIdentities } from "../test/harness/identities.ts";
import { openOutside } from "../test/harness/outside.ts";
import { type Environment, type ServiceProcess, serviceProcess, spawnService } from "../test/harness/process.ts";
import { createServiceDatabase, named } from "../test/harness/real-parts.ts";

export { type Line, openLine } from "../test/harness/line.ts";
export type { Answer, Environment, LogLine, ServiceProcess } from "../test/harness/process.ts";
export { until } from "../test/harness/until.ts";

export type DeploymentOptions = {
  readonly service: Producer;
  /** The service's src/main.ts. */
  readonly main: URL;
  /** Its own SLUICE_ settings, beside those of every online service. */
  readonly env?: Environment;
  /** Settings whose value is the path of a JSON file: its content. */
  readonly files?: Readonly<Record<string, unknown>>;
  /** Its own secrets, beside seal key and database password. */
  readonly secrets?: Readonly<Record<string, unknown>>;
};

export type StartOptions = {
  readonly env?: Environment;
  readonly secrets?: Readonly<Record<string, unknown>>;
  /** Ready, unless it is expected to halt on a database that was set back. */
  readonly expect?: "ready" | "halted";
  /** For `node`, before the script. */
  readonly flags?: readonly string[];
};

export type Deployment = {
  readonly topicPrefix: string;
  /** The service's own database, seen by the administrator. */
  readonly pool: Pool;
  /** As the service is given it: without the password. */
  readonly databaseUrl: string;
  /** Every secret of the service, as text that must stand in no log. */
  readonly secretTexts: readonly string[];
  readonly trust: Trust;
  readonly sealerOf: (producer: Producer) => Sealer;
  /** Resolves when the process is ready. Instances that are started beside each other share everything. */
  readonly start: (options?: StartOptions) => Promise<ServiceProcess>;
  /** For a process that is expected to end by itself. */
  readonly runToEnd: (options?: StartOptions) => Promise<Exit & { readonly output: readonly string[] }>;
  /** Seals a message as the producer that may, and puts it onto its topic. Returns the envelope. */
  readonly publish: <T extends MessageType>(type: T, outgoing: OutgoingMessage<T>) => Promise<Uint8Array>;
  /** Puts any bytes onto a topic, as an enemy would. */
  readonly publishBytes: (type: MessageType, key: string, envelope: Uint8Array) => Promise<void>;
  /** What the service published so far, opened, each message once, in the order of its arrival. */
  readonly collected: <T extends MessageType>(type: T) => Promise<readonly OpenedOf<T>[]>;
  /** What the others could not take of it, with the reason: a wrong seal, or one id for two contents. */
  readonly refusedByOthers: () => Promise<readonly string[]>;
  /** Ends every process and removes everything. */
  readonly close: () => Promise<void>;
};

/** Needs KAFKA_BROKERS and DATABASE_URL of real parts in the environment. */
export async function openDeployment(options: DeploymentOptions): Promise<Deployment> {
  const cleanUps: CleanUp[] = [];
  const close = async (): Promise<void> => {
    for (let next = cleanUps.pop(); next !== undefined; next = cleanUps.pop()) await next();
  };
  try {
    return { ...(await openParts(options, cleanUps)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The last is done first. */
type CleanUp = () => Promise<unknown>;

async function openParts(options: DeploymentOptions, cleanUps: CleanUp[]): Promise<Omit<Deployment, "close">> {
  const { service } = options;
  const { trust, trustFile, sealerOf, seedOf } = createIdentities(service);
  const topicPrefix = `t${randomBytes(6).toString("hex")}.`;
  const brokers = named("KAFKA_BROKERS");
  const folder = await mkdtemp(join(tmpdir(), `${service}-`));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const database = await createServiceDatabase();
  cleanUps.push(database.drop);
  const pool = createPool({ url: database.adminUrl, applicationName: "test", max: 3 });
  cleanUps.push(pool.end);
  const outside = await openOutside(service, brokers, topicPrefix, trust);
  cleanUps.push(outside.close);
  const starts = createStarts(cleanUps, {
    service,
    main: options.main,
    folder,
    env: {
      SLUICE_SECRETS_SOURCE: "fd:3",
      SLUICE_DATABASE_URL: database.url,
      SLUICE_KAFKA_BROKERS: brokers,
      SLUICE_TOPIC_PREFIX: topicPrefix,
      // The shortest that brokers allow unless told: who takes over from a killed instance waits for so long.
      SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6000",
      SLUICE_HTTP_PORT: "0",
      ...(await writeFiles(folder, { SLUICE_TRUST_FILE: trustFile, ...options.files })),
      ...options.env,
    },
    secrets: {
      sealKeyId: sealerOf(service).keyId,
      sealSeed: Buffer.from(seedOf(service)).toString("base64"),
      databasePassword: database.password,
      ...options.secrets,
    },
  });
  return {
    topicPrefix,
    pool,
    databaseUrl: database.url,
    trust,
    sealerOf,
    ...starts,
    publish: async (type, outgoing) => {
      const envelope = seal(sealerOf(producerOf(type)), type, outgoing);
      await outside.publish(type, outgoing.key, envelope);
      return envelope;
    },
    publishBytes: outside.publish,
    collected: outside.collected,
    refusedByOthers: outside.refused,
  };
}

type Recipe = {
  readonly service: Producer;
  readonly main: URL;
  readonly folder: string;
  readonly env: Environment;
  readonly secrets: Readonly<Record<string, unknown>>;
};

function createStarts(cleanUps: CleanUp[], recipe: Recipe): Pick<Deployment, "start" | "runToEnd" | "secretTexts"> {
  let started = 0;
  const spawn = async ({ env, secrets, flags = [] }: StartOptions, ready: "ready" | "started" | "halted") => {
    started += 1;
    const running = await spawnService({
      ...recipe,
      flags,
      env: { ...recipe.env, ...env },
      secrets: { ...recipe.secrets, ...secrets },
      logFile: join(recipe.folder, `${started}.log`),
      ready,
    });
    cleanUps.push(running.child.stop);
    return running;
  };
  return {
    secretTexts: Object.entries(recipe.secrets).flatMap(([name, secret]) =>
      name === "sealKeyId" ? [] : textsIn(secret),
    ),
    start: async (start = {}) => serviceProcess(await spawn(start, start.expect ?? "ready")),
    runToEnd: async (start = {}) => {
      const { child, output } = await spawn(start, "started");
      return { ...(await child.exited), output };
    },
  };
}

/** A secret is a text, or an object that holds some. */
function textsIn(secret: unknown): readonly string[] {
  return typeof secret === "object" && secret !== null ? Object.values(secret).flatMap(textsIn) : [String(secret)];
}

async function writeFiles(folder: string, files: Readonly<Record<string, unknown>>): Promise<Environment> {
  const written = Object.entries(files).map(async ([setting, content]) => {
    const path = join(folder, `${setting}.json`);
    await writeFile(path, JSON.stringify(content), { mode: 0o600 });
    return [setting, path] as const;
  });
  return Object.fromEntries(await Promise.all(written));
}

function producerOf(type: MessageType): Producer {
  const producer = PRODUCERS.find((candidate) => maySeal(candidate, type));
  if (producer === undefined) throw new Error(`nobody may seal ${type}`);
  return producer;
}
