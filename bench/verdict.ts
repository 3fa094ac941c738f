// Verdicts under load: withdrawals are posted to real online-risk processes over a large past, beside real Postgres and Kafka.
// `pnpm bench:verdict --rate 2000 --history 1000000 --seconds 60`. What is measured and what shares the machine: PERFORMANCE.md.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startParts } from "@sluice/devstack";
import { createPool, type Pool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import type { Load, LoadResult } from "./verdict-load.ts";
import { explainBatch, measureVerdicts } from "./verdict-measure.ts";
import { ACCOUNTS, seed } from "./verdict-seed.ts";
import { benchAddresses, POLICY, WALLET } from "./verdict-settings.ts";

const { values: given } = parseArgs({
  options: {
    rate: { type: "string", default: "200" },
    history: { type: "string", default: "20000" },
    seconds: { type: "string", default: "10" },
    instances: { type: "string", default: "1" },
    batch: { type: "string", default: "" },
    connections: { type: "string", default: "64" },
    "busy-share": { type: "string", default: "0.01" },
    /** A run with batches of one before it, on the same past, so that there is something to compare with. */
    baseline: { type: "boolean", default: false },
    "cpu-prof": { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const [rate, history, seconds] = [Number(given.rate), Number(given.history), Number(given.seconds)];
/** Of the kernel's counters (USER_HZ, the same on every Linux). */
const TICK_MS = 10;
const log = (line: string): void => void process.stderr.write(`${line}\n`);
const MAIN = fileURLToPath(new URL("../services/online-risk/src/main.ts", import.meta.url));
const LOAD = fileURLToPath(new URL("./verdict-load.ts", import.meta.url));

type Key = { readonly keyId: string; readonly privateKey: KeyObject; readonly producer: string };
const keyOf = (producer: string, keyId: string): Key => {
  return { producer, keyId, privateKey: generateKeyPairSync("ed25519").privateKey };
};
const [service, backend] = [keyOf("online-risk", "online-risk-bench"), keyOf("exchange-backend", "backend")];

const parts = await startParts({ log, which: ["postgres", "kafka"], own: true });
const folder = await mkdtemp(join(tmpdir(), "sluice-verdict-"));
try {
  const results = await measureAll();
  if (given.json) process.stdout.write(`${JSON.stringify({ ...given, results })}\n`);
} finally {
  await parts.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measureAll() {
  const administrator = createPool({ url: parts.postgres.url, applicationName: "bench" });
  // When each transaction was committed is asked of the server; its cache holds the indexes of a million withdrawals.
  await administrator.query("alter system set track_commit_timestamp = on");
  await administrator.query("alter system set shared_buffers = '1GB'");
  await administrator.end();
  await parts.postgres.process?.kill();
  await parts.postgres.process?.start();
  const database = await createTestDatabase(parts.postgres.url);
  const pool = createPool({ url: database.url, applicationName: "bench" });
  try {
    const env = await settingsFor(database.url);
    // The service makes its tables when it starts.
    await (await startService(env, [])).stop();
    log(`a past of ${history} withdrawals`);
    await seed(pool, history, Date.now());
    const batches = given.baseline ? ["1", given.batch] : [given.batch];
    const results = [];
    for (const [at, batch] of batches.entries()) results.push(await measure(pool, env, `run${at}`, batch));
    return results;
  } finally {
    await pool.end();
  }
}

async function measure(pool: Pool, env: Readonly<Record<string, string>>, run: string, batch: string) {
  const more = batch === "" ? {} : { SLUICE_JUDGE_BATCH: batch };
  const flags = given["cpu-prof"] === "" ? [] : ["--cpu-prof", `--cpu-prof-dir=${given["cpu-prof"]}`];
  const instances = await Promise.all(
    Array.from({ length: Number(given.instances) }, () => startService({ ...env, ...more }, flags)),
  );
  const load = await startLoad(
    run,
    instances.map(({ port }) => port),
  );
  const pids = { "online-risk": instances.map(({ pid }) => pid) };
  const tree = { postgres: parts.postgres.process?.pid() ?? 0, kafka: parts.kafka.process?.pid() ?? 0 };
  const before = await usedBy(pids, tree);
  const result = await load.send();
  const accepted = result.statuses["202"] ?? 0;
  // What was accepted and waits for its verdict at the end is paid for by this run too.
  const measured = await measureVerdicts(pool, run, accepted);
  const after = await usedBy(pids, tree);
  const plans = await explainBatch(pool);
  for (const instance of instances) await instance.stop();
  const cpuMsPerRequest = Object.fromEntries(
    Object.entries(after).map(([name, ms]) => [name, round((ms - (before[name] ?? 0)) / result.sent)]),
  );
  const answered = partsOf(result.latenciesMs);
  const found = {
    ...{ batch: batch === "" ? "as shipped" : batch, sent: result.sent, statuses: result.statuses },
    acceptedPerSecond: round(accepted / result.seconds),
    postedToAnsweredMs: answered,
    ...measured,
    cpuMsPerRequest: { ...cpuMsPerRequest, generator: round(result.cpuMs / result.sent) },
    plans,
  };
  log(JSON.stringify(found, null, 1));
  return found;
}

function partsOf(sorted: readonly number[]) {
  const part = (of: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? Number.NaN);
  return { p50: part(0.5), p99: part(0.99), "p99.9": part(0.999), most: part(1) };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** Processor time so far in milliseconds: of processes, and of everything below the parts. */
async function usedBy(pids: Readonly<Record<string, readonly number[]>>, tree: Readonly<Record<string, number>>) {
  const used: Record<string, number> = {};
  for (const [name, own] of Object.entries(pids))
    used[name] = (await Promise.all(own.map(ticksOf))).reduce((a, b) => a + b, 0);
  for (const [name, pid] of Object.entries(tree)) {
    const below = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    const all = [pid, ...below.split(" ").filter(Boolean).map(Number)];
    used[name] = (await Promise.all(all.map(ticksOf))).reduce((a, b) => a + b, 0);
  }
  return used;
}

/** With those of its children that have ended: connections of Postgres come and go (proc_pid_stat(5)). */
async function ticksOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0) * TICK_MS;
}

async function startService(env: Readonly<Record<string, string>>, flags: readonly string[]) {
  const child = spawn(process.execPath, [...flags, MAIN], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    let api = 0;
    createInterface({ input: child.stderr }).on("line", (text) => {
      lines.push(text);
      if (lines.length > 20) lines.shift();
      // One line a request is written: only those few that matter are read.
      if (!/"apiPort"|"ready"|"level":"(warn|error)"/.test(text)) return;
      const line = text.startsWith("{") ? (JSON.parse(text) as { apiPort?: number; msg?: string; level?: string }) : {};
      if (line.apiPort !== undefined) api = line.apiPort;
      if (line.msg === "ready") resolve(api);
      if (line.level === "error" || line.level === "warn") log(text.slice(0, 300));
    });
    child.once("exit", (code) => reject(new Error(`online-risk ended with ${code}: ${lines.join("\n")}`)));
  });
  return { port, pid: child.pid ?? 0, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

async function startLoad(run: string, ports: readonly number[]) {
  const load: Load = {
    ...{ ports, rate, seconds, run, connections: Number(given.connections), accounts: ACCOUNTS },
    ...{ busyShare: Number(given["busy-share"]), addresses: benchAddresses(1_000), keyId: backend.keyId },
    privateKeyPem: backend.privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
  };
  const child = spawn(process.execPath, [LOAD], {
    env: { PATH: process.env["PATH"], SLUICE_BENCH_LOAD: JSON.stringify(load) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    pid: child.pid ?? 0,
    send: async (): Promise<LoadResult> => {
      child.stdin.write("go\n");
      const { value } = await lines.next();
      return JSON.parse(String(value)) as LoadResult;
    },
  };
}

async function settingsFor(databaseUrl: string): Promise<Readonly<Record<string, string>>> {
  const url = new URL(databaseUrl);
  const databasePassword = decodeURIComponent(url.password);
  url.password = "";
  const trust = [service, backend].map(({ producer, keyId, privateKey }) => {
    const { x = "" } = privateKey.export({ format: "jwk" });
    return { producer, keyId, publicKey: Buffer.from(x, "base64url").toString("base64") };
  });
  const rateLimit = { requests: 1_000_000, windowMs: 1_000 };
  const apiKeys = [{ keyId: backend.keyId, scopes: ["withdraw", "read"], ipAllowList: ["127.0.0.0/8"], rateLimit }];
  const sealSeed = service.privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("base64");
  const contents = {
    ...{ trust, apiKeys, policy: POLICY, wallets: [WALLET] },
    secrets: { sealKeyId: service.keyId, sealSeed, databasePassword },
  };
  const path = (name: string) => join(folder, `${name}.json`);
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(path(name), JSON.stringify(content), { mode: 0o600 });
  }
  return {
    ...{ SLUICE_LOG_LEVEL: "info", SLUICE_TRUST_FILE: path("trust"), SLUICE_SECRETS_SOURCE: path("secrets") },
    ...{ SLUICE_DATABASE_URL: url.toString(), SLUICE_KAFKA_BROKERS: parts.kafka.brokers.join(",") },
    ...{ SLUICE_HTTP_PORT: "0", SLUICE_API_PORT: "0", SLUICE_NETWORK: "regtest", SLUICE_POLICY_FILE: path("policy") },
    ...{
      SLUICE_API_KEYS_FILE: path("apiKeys"),
      SLUICE_WALLETS_FILE: path("wallets"),
      SLUICE_SIGNATURE_WINDOW_MS: "3600000",
    },
    // Nobody reads these topics here, so that nobody confirms: sending everything again is no part of what is measured.
    ...{ SLUICE_API_IN_HAND: "10000", SLUICE_UNJUDGED_MAX: "1000000" },
    ...{ SLUICE_SEND_AGAIN_AFTER_MS: "300000", SLUICE_API_REQUESTS_PER_SECOND: "1000000" },
  };
}
