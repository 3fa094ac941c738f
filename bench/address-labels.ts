// Labels of 300 million addresses: builds the set, installs it, and looks up with a warm and a cold cache: `pnpm bench:labels --labels N --directory DIR`.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type LabelStore, makeUpdate, openLabelStore, sealUpdate, TIERS } from "@sluice/address-labels";
import { addressOf, buildSet } from "./address-labels-set.ts";
import { dropFromCache, measureLatency, measureRate, readIntoCache, residentBytes } from "./address-labels-timing.ts";

const { values } = parseArgs({
  options: {
    labels: { type: "string", default: "300000000" },
    seed: { type: "string", default: "1" },
    directory: { type: "string", default: "labels-bench" },
    lookups: { type: "string", default: "500000" },
    /** Builds and installs, and leaves measuring to another run. */
    "build-only": { type: "boolean", default: false },
  },
});
const [count, seed, lookups] = [Number(values.labels), Number(values.seed), Number(values.lookups)];
const { directory } = values;
const startedAt = Date.now();
const say = (line: string) => console.log(`${((Date.now() - startedAt) / 1_000).toFixed(0).padStart(6)} s  ${line}`);

const key = readKey();
const signers = { threshold: 1, signers: [{ keyId: "bench", publicKey: key.publicKey }] };
const before = process.memoryUsage().rss;
const store = openLabelStore({ directory: join(directory, "store"), signers, now: Date.now, onMergeFailed: say });
if (store.status() === null) await buildAndInstall();
if (!values["build-only"]) {
  if (store.status()?.segments === 1) {
    await measure();
    await addDeltas();
  }
  await measure();
}
store.close();

async function buildAndInstall(): Promise<void> {
  const update = join(directory, "00000001.labels");
  if (!existsSync(update)) {
    await spent("build", () =>
      buildSet({ directory, count, seed, signer: { keyId: "bench", privateKey: key.privateKey }, say }),
    );
  }
  await spent("install: read, checked whole, copied, synced", () => install(store, update));
  rmSync(update);
}

/** Two days of news, so that more than one segment is asked. */
async function addDeltas(): Promise<void> {
  for (const [at, changed] of [Math.ceil(count / 1_000), Math.ceil(count / 100_000)].entries()) {
    const path = join(directory, `${at}.labels`);
    const changes = Array.from({ length: Math.min(changed, 300_000) }, (_, number) => {
      const label = {
        tier: TIERS[number % 3] ?? "grey",
        category: "scam",
        source: "news",
        confidence: 50,
        sinceMs: 1_750_000_000_000,
      };
      return { ...addressOf(seed + 1_000 + at, number), label };
    });
    const status = store.status();
    makeUpdate({ path, kind: "delta", follows: status, madeAtMs: Date.now(), changes });
    sealUpdate(path, { keyId: "bench", privateKey: key.privateKey });
    await spent(`install a delta of ${changes.length}`, () => install(store, path));
    rmSync(path);
  }
  await store.settled();
}

async function install(into: LabelStore, path: string): Promise<void> {
  const installed = await into.install(path);
  if (!installed.ok) throw new Error(`${installed.refusal.code}: ${installed.refusal.detail}`);
}

async function measure(): Promise<void> {
  const files = readdirSync(join(directory, "store")).map((file) => join(directory, "store", file));
  const disk = files.reduce((sum, file) => sum + statSync(file).size, 0);
  say(`${store.status()?.segments} segments: ${store.status()?.records} records, ${disk} bytes on disk`);
  const hit = (at: number) => addressOf(seed, pick(at));
  const miss = (at: number) => addressOf(seed + 1, pick(at));
  const find = (expected: number) => (address: ReturnType<typeof hit>) => {
    const found = store.find(address.chain, address.canonical);
    if (!found.ok || found.value.length !== expected) throw new Error(JSON.stringify({ found, expected }));
  };
  dropFromCache(files);
  say(`dropped from the page cache: ${residentBytes(files)} bytes of it are left there`);
  const cold = Math.min(20_000, lookups);
  say(`cold hit   ${measureLatency(cold, (at) => hit(at + 1), find(1))}`);
  dropFromCache(files);
  say(`cold miss  ${measureLatency(cold, (at) => miss(at + 2), find(0))}`);
  readIntoCache(files);
  say(`read into the page cache: ${residentBytes(files)} bytes are there`);
  for (const [name, of, expected] of [
    ["hit", hit, 1],
    ["miss", miss, 0],
  ] as const) {
    say(`warm ${name.padEnd(5)} ${measureLatency(lookups, of, find(expected))}`);
    say(`warm ${name.padEnd(5)} ${measureRate(lookups, of, find(expected))}`);
  }
  const batch = (at: number) =>
    Array.from({ length: 100 }, (_, each) => (each % 2 === 0 ? hit : miss)(at * 100 + each));
  const findBatch = (addresses: ReturnType<typeof batch>) => {
    for (const [each, address] of addresses.entries()) find(each % 2 === 0 ? 1 : 0)(address);
  };
  say(`warm batch of 100 ${measureLatency(Math.ceil(lookups / 100), batch, findBatch)}`);
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  say(
    `resident ${mb(rss)} (${mb(before)} before), heap ${mb(heapUsed)}, of it indexes and buffers ${mb(arrayBuffers)}`,
  );
}

/** Spread over the whole set, the same each time. */
function pick(at: number): number {
  return Math.floor(((Math.imul(at + 1, 0x9e3779b1) >>> 0) / 0x1_0000_0000) * count);
}

async function spent(what: string, work: () => Promise<unknown> | string): Promise<void> {
  const [from, cpu] = [Date.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  say(
    `${what}: ${((Date.now() - from) / 1_000).toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of processor time`,
  );
}

/** Kept beside the set, so that another run can add to it. */
function readKey() {
  const file = join(directory, "key.pem");
  mkdirSync(directory, { recursive: true });
  if (!existsSync(file)) {
    const made = generateKeyPairSync("ed25519").privateKey;
    writeFileSync(file, made.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  }
  const privateKey = createPrivateKey(readFileSync(file));
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { privateKey, publicKey: spki.subarray(-32).toString("base64") };
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
