// Address labels in the service: unknown until they are there, then every tier, an update while it serves, an outside provider, and damage.
import { generateKeyPairSync } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Change, canonicalAddress, type InForce, makeUpdate, sealUpdate } from "@sluice/address-labels";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { type Running, startProcess } from "./process.ts";
import { send } from "./raw-request.ts";
import { clientOf, createWorld, newWithdrawal, type World } from "./world.ts";

const POLL = { pollMs: 50 };
const [BLACK, GREY, WHITE, PLAIN] = [3_000_001, 3_000_002, 3_000_003, 3_000_004];
const [KNOWN_OUTSIDE, SILENT] = [3_000_005, 3_000_006];
const outside = createServer();
const EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const publisher = generateKeyPairSync("ed25519");
const folder = mkdtempSync(join(tmpdir(), "labels-"));
const updates = join(folder, "updates");
const store = join(folder, "store");
const ending: (() => Promise<void>)[] = [];
let world: World;
let running: Running;
let follows: InForce | null = null;

beforeAll(async () => {
  mkdirSync(updates);
  const publicKey = publisher.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  const signers = join(folder, "signers.json");
  writeFileSync(signers, JSON.stringify({ threshold: 1, signers: [{ keyId: "research", publicKey }] }));
  const defer = (end: () => Promise<void>) => void ending.unshift(end);
  world = await createWorld({ defer });
  await openOutside(defer);
  const labels = {
    SLUICE_SCREENING_PROVIDER_URL: `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`,
    SLUICE_SCREENING_PROVIDER_TIMEOUT_MS: "400ms",
    SLUICE_LABELS_DIRECTORY: store,
    SLUICE_LABELS_UPDATES: updates,
    SLUICE_LABELS_SIGNERS_FILE: signers,
  };
  running = await startProcess({ ...world.env, ...labels }, defer);
});
afterAll(async () => {
  for (const end of ending) await end();
  rmSync(folder, { recursive: true });
});

/** A provider that knows one address, never answers about another, and has nothing to say of the rest. */
async function openOutside(defer: (end: () => Promise<void>) => void): Promise<void> {
  outside.on("request", (request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += String(part);
    });
    request.on("end", () => {
      if (body.includes(addressNumber(SILENT))) return;
      const black = { tier: "black", category: "mixer", confidence: 70, since: "2024-01-02T00:00:00Z" };
      response.end(JSON.stringify({ labels: body.includes(addressNumber(KNOWN_OUTSIDE)) ? [black] : [] }));
    });
  });
  await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve));
  defer(async () => {
    outside.closeAllConnections();
    outside.close();
  });
}

/** In one move, as whoever puts updates there has to. */
function publish(kind: "snapshot" | "delta", changes: readonly Change[], privateKey = publisher.privateKey): void {
  const draft = join(folder, "draft");
  const { sha256, content } = makeUpdate({ path: draft, kind, follows, madeAtMs: Date.now(), changes });
  sealUpdate(draft, { keyId: "research", privateKey });
  renameSync(draft, join(updates, `${content.version}-${kind}.labels`));
  if (privateKey === publisher.privateKey) follows = { version: content.version, sha256 };
}

function label(chain: string, address: string, tier: Change["label"]["tier"], category = "scam"): Change {
  const canonical = canonicalAddress(chain, address);
  if (!canonical.ok) throw new Error(canonical.refusal.code);
  const said = { tier, category, source: "research", confidence: 90, sinceMs: 1_700_000_000_000 };
  return { chain, canonical: canonical.value, label: said };
}

const ours = (number: number, tier: Change["label"]["tier"]) => label("bitcoin-regtest", addressNumber(number), tier);

async function screen(...addresses: readonly { readonly chain: string; readonly address: string }[]) {
  const body = JSON.stringify({ addresses });
  const answer = await send(running.api, { key: world.keys.reader, target: "/v1/screenings", body });
  return answer.body as unknown as {
    readonly results: readonly { readonly outcome: string; readonly [field: string]: unknown }[];
    readonly labelsVersion: number | null;
  };
}

async function verdictOn(number: number) {
  const client = clientOf(running, world.keys.backend);
  const { id } = await client.createWithdrawal(newWithdrawal({ address: addressNumber(number) }));
  const judged = await client.waitFor(id, ["cleared", "held", "rejected"], POLL);
  const finding = judged.findings.findLast(({ rule }) => rule === "DESTINATION_LABEL");
  return { state: judged.state, evidence: finding?.evidence };
}

const inForce = async (version: number) =>
  expect
    .poll(async () => (await screen({ chain: "bitcoin", address: "x" })).labelsVersion, { timeout: 20_000 })
    .toBe(version);

it("while there are no labels yet, what was configured to have them holds everything", async () => {
  expect(await verdictOn(PLAIN)).toEqual({ state: "held", evidence: { code: "LABELS_STORE_EMPTY" } });
});

it("a snapshot comes into force while the service runs, and each tier has its verdict", async () => {
  publish("snapshot", [
    ours(BLACK, "black"),
    ours(GREY, "grey"),
    ours(WHITE, "white"),
    label("evm", EVM, "black", "sanctions"),
  ]);
  await inForce(1);
  expect(await verdictOn(BLACK)).toMatchObject({
    state: "rejected",
    evidence: { tier: "black", category: "scam", source: "research", confidence: "90", labelsVersion: "1" },
  });
  expect(await verdictOn(GREY)).toMatchObject({ state: "held", evidence: { tier: "grey" } });
  expect(await verdictOn(WHITE)).toMatchObject({ state: "cleared", evidence: { tier: "white" } });
  expect(await verdictOn(PLAIN)).toEqual({ state: "cleared", evidence: { labelsVersion: "1" } });
});

it("POST /v1/screenings answers each address in its place, of any chain", async () => {
  const { results, labelsVersion } = await screen(
    { chain: "bitcoin-regtest", address: addressNumber(BLACK).toUpperCase() },
    { chain: "bitcoin-regtest", address: addressNumber(PLAIN) },
    { chain: "polygon", address: EVM.toLowerCase() },
    { chain: "polygon", address: `${EVM.slice(0, -1)}D` },
    { chain: "bitcoin", address: addressNumber(BLACK) },
    { chain: "tron", address: "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t" },
  );
  expect(labelsVersion).toBe(1);
  expect(results).toMatchObject([
    { outcome: "labelled", tier: "black", verdict: "reject", labels: [{ source: "research", confidence: 90 }] },
    { outcome: "unlabelled", tier: null, verdict: "clear", labels: [] },
    { outcome: "labelled", tier: "black", labels: [{ category: "sanctions" }] },
    { outcome: "refused", code: "ADDRESS_CHECKSUM", verdict: null },
    { outcome: "refused", code: "ADDRESS_WRONG_NETWORK" },
    { outcome: "unlabelled" },
  ]);
  const many = Array.from({ length: 101 }, () => ({ chain: "tron", address: "T" }));
  for (const [key, body, status, code] of [
    [world.keys.bob, { addresses: [{ chain: "tron", address: "T" }] }, 403, "SCOPE_MISSING"],
    [world.keys.reader, { addresses: many }, 400, "REQUEST_INVALID"],
    [world.keys.reader, { addresses: [] }, 400, "REQUEST_INVALID"],
  ] as const) {
    const answer = await send(running.api, { key, target: "/v1/screenings", body: JSON.stringify(body) });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  }
});

it("a delta changes what it names, and one that somebody else sealed changes nothing", async () => {
  publish("delta", [ours(PLAIN, "black")], generateKeyPairSync("ed25519").privateKey);
  const alarms = () => running.log.filter(({ msg }) => msg === "ALARM: an update of labels was refused");
  await expect.poll(() => alarms().map(({ code }) => code), { timeout: 20_000 }).toEqual(["LABELS_SEAL_WRONG"]);
  expect(await verdictOn(PLAIN)).toMatchObject({ state: "cleared" });
  publish("delta", [ours(BLACK, "removed"), ours(PLAIN, "black")]);
  await inForce(2);
  expect(await verdictOn(BLACK)).toMatchObject({ state: "cleared", evidence: { labelsVersion: "2" } });
  expect(await verdictOn(PLAIN)).toMatchObject({ state: "rejected" });
  const metrics = await (await fetch(`${running.internal}/metrics`)).text();
  expect(metrics).toContain('sluice_labels_version_info{version="2",service="online-risk"} 1');
});

it("what an outside provider says counts beside the store, and its silence holds", async () => {
  expect(await verdictOn(KNOWN_OUTSIDE)).toMatchObject({
    state: "rejected",
    evidence: { tier: "black", category: "mixer", source: "provider" },
  });
  expect(await verdictOn(SILENT)).toEqual({ state: "held", evidence: { code: "PROVIDER_TIMEOUT" } });
});

it("where a block has rotted, nothing is cleared as unlabelled", async () => {
  for (const name of readdirSync(store).filter((each) => each.endsWith(".segment"))) {
    const file = openSync(join(store, name), "r+");
    writeSync(file, Uint8Array.of(0xff), 0, 1, 4_200);
    closeSync(file);
  }
  const { results } = await screen({ chain: "bitcoin-regtest", address: addressNumber(WHITE) });
  expect(results).toMatchObject([{ outcome: "unknown", code: "LABELS_BLOCK_DAMAGED", verdict: "hold" }]);
  expect(await verdictOn(WHITE)).toEqual({ state: "held", evidence: { code: "LABELS_BLOCK_DAMAGED" } });
});
