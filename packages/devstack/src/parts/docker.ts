// The real parts as containers, for machines with a Docker engine.

import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import type { GenericContainer, StartedTestContainer } from "testcontainers";
import { createRpcCredentials, renderBitcoinConfigFlags, requireRegtest } from "./bitcoind.ts";
import { SETTINGS_OF_ONE_NODE } from "./kafka-config.ts";
import { findFreePorts } from "./ports.ts";
import { SERVER_SETTINGS } from "./postgres.ts";
import { socketUrl } from "./postgres-socket.ts";

export const IMAGES = { kafka: "apache/kafka:4.1.0", postgres: "postgres:18", bitcoind: "bitcoin/bitcoin:29" } as const;

// The first start pulls the image.
const START_WITHIN_MS = 300_000;
const PING_WITHIN_MS = 1_000;

type Environment = Readonly<Record<string, string | undefined>>;
type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };
export type Stoppable = { stop(): Promise<void> };

/** True when a Docker engine answers at one of its usual addresses; asked directly, because the client can wait for long. */
export async function dockerAnswers(env: Environment = process.env): Promise<boolean> {
  const answers = await Promise.all(engineAddresses(env).map(ping));
  return answers.includes(true);
}

export function engineAddresses(env: Environment): readonly EngineAddress[] {
  const configured = env["DOCKER_HOST"];
  if (configured !== undefined && configured !== "") {
    const url = URL.canParse(configured) ? new URL(configured) : null;
    if (url === null) return [];
    if (url.protocol === "unix:") return [{ socketPath: url.pathname }];
    return url.protocol === "tcp:" ? [{ host: url.hostname, port: Number(url.port || "2375") }] : [];
  }
  const runtimeDirectory = env["XDG_RUNTIME_DIR"];
  return [
    { socketPath: "/var/run/docker.sock" },
    ...(runtimeDirectory === undefined ? [] : [{ socketPath: join(runtimeDirectory, "docker.sock") }]),
    { socketPath: join(homedir(), ".docker", "run", "docker.sock") },
  ];
}

function ping(address: EngineAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ ...address, path: "/_ping", timeout: PING_WITHIN_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(false));
    asked.end();
  });
}

export async function startKafkaContainer(): Promise<Stoppable & { readonly brokers: readonly string[] }> {
  const { container, Wait } = await prepare(IMAGES.kafka);
  // The broker tells its clients where to find it, so its port must be the same inside and outside.
  const [port = 0] = await findFreePorts(1);
  const settings: Readonly<Record<string, string | number>> = {
    "node.id": 1,
    "process.roles": "broker,controller",
    listeners: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://localhost:9093`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": "1@localhost:9093",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    ...SETTINGS_OF_ONE_NODE,
  };
  const started = await container
    .withEnvironment({ ...toContainerEnvironment(settings), KAFKA_HEAP_OPTS: "-Xmx512m" })
    .withExposedPorts({ container: port, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  return { brokers: [`127.0.0.1:${port}`], stop: () => stop(started) };
}

/** The image reads `a.b.c` from KAFKA_A_B_C. */
export function toContainerEnvironment(settings: Readonly<Record<string, string | number>>): Record<string, string> {
  const entries = Object.entries(settings);
  return Object.fromEntries(
    entries.map(([name, value]) => [`KAFKA_${name.replaceAll(".", "_").toUpperCase()}`, String(value)]),
  );
}

const POSTGRES_PORT = 5_432;
// The image starts the server once to prepare it and then for good.
const POSTGRES_READY = { pattern: /database system is ready to accept connections/, times: 2 } as const;

export async function startPostgresContainer(): Promise<Stoppable & { readonly url: string }> {
  const { container, Wait } = await prepare(IMAGES.postgres);
  const password = randomBytes(24).toString("base64url");
  const started = await container
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(postgresCommand({}))
    .withExposedPorts(POSTGRES_PORT)
    .withWaitStrategy(Wait.forLogMessage(POSTGRES_READY.pattern, POSTGRES_READY.times))
    .start();
  const address = `${started.getHost()}:${started.getMappedPort(POSTGRES_PORT)}`;
  return { url: `postgres://postgres:${password}@${address}/postgres`, stop: () => stop(started) };
}

/** A container without any network; its socket is in a folder that only whoever started the stack can enter. */
export async function startOfflinePostgresContainer(
  directory: string,
): Promise<Stoppable & { readonly url: string; readonly socketDirectory: string }> {
  const { container, Wait } = await prepare(IMAGES.postgres);
  const socketDirectory = join(directory, "socket");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mkdir(socketDirectory);
  const started = await container
    .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: "trust" })
    .withNetworkMode("none")
    .withBindMounts([{ source: socketDirectory, target: "/var/run/postgresql", mode: "rw" }])
    .withCommand(postgresCommand({ listen_addresses: "" }))
    .withWaitStrategy(Wait.forLogMessage(POSTGRES_READY.pattern, POSTGRES_READY.times))
    .start();
  return { url: socketUrl(socketDirectory), socketDirectory, stop: () => stop(started) };
}

function postgresCommand(more: Readonly<Record<string, string>>): string[] {
  const settings = Object.entries({ ...SERVER_SETTINGS, ...more });
  return ["postgres", ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

const RPC_PORT = 18_443;

export async function startBitcoindContainer(): Promise<Stoppable & { readonly rpcUrl: string }> {
  const { container, Wait } = await prepare(IMAGES.bitcoind);
  const credentials = createRpcCredentials();
  const started = await container
    .withCommand(renderBitcoinConfigFlags({ rpcPort: RPC_PORT, credentials }))
    .withExposedPorts(RPC_PORT)
    .withWaitStrategy(Wait.forLogMessage(/Done loading/))
    .start();
  const rpcUrl = `http://${credentials.user}:${credentials.password}@${started.getHost()}:${started.getMappedPort(RPC_PORT)}`;
  await requireRegtest(rpcUrl);
  return { rpcUrl, stop: () => stop(started) };
}

/** The library is loaded only when there is an engine: loading it takes longer than starting Postgres. */
async function prepare(
  image: string,
): Promise<{ container: GenericContainer; Wait: typeof import("testcontainers")["Wait"] }> {
  const { GenericContainer, Wait } = await import("testcontainers");
  return { container: new GenericContainer(image).withStartupTimeout(START_WITHIN_MS), Wait };
}

async function stop(started: StartedTestContainer): Promise<void> {
  await started.stop();
}
