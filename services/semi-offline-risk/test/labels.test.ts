// The zone's own copy of the label store: without it a task waits, an update comes over the bridge under its own seals, and then it decides.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalAddress, makeUpdate, sealUpdate } from "@sluice/address-labels";
import { seal } from "@sluice/contracts";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import { fund, makeHeldWallet, makeSeals, makeTask, OTHER_DESTINATION, request } from "@sluice/second-opinion/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Process, prepareZone } from "./processes.ts";
import { openVault, type Vault } from "./vault.ts";

const seals = makeSeals();
const research = generateKeyPairSync("ed25519");
const held = await makeHeldWallet(20, "hot");
let folder = "";
let database: TestDatabase;
let vault: Vault;
let risk: Process;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "zone-labels-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  const zone = prepareZone({ folder, seals, held, databaseUrl: database.url });
  const publicKey = research.publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  const signers = join(folder, "label-signers.json");
  writeFileSync(signers, JSON.stringify({ threshold: 1, signers: [{ keyId: "research", publicKey }] }));
  vault = openVault(seals, zone.vaultSocket);
  risk = zone.startRisk({
    SLUICE_LABELS_DIRECTORY: join(folder, "labels"),
    SLUICE_LABELS_UPDATES: join(folder, "updates"),
    SLUICE_LABELS_SIGNERS_FILE: signers,
  });
});

afterAll(async () => {
  await risk.kill();
  await vault.bridge.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

/** A snapshot in which one address is black, as vault carries it. */
async function offer(privateKey = research.privateKey): Promise<void> {
  const canonical = canonicalAddress("bitcoin-regtest", OTHER_DESTINATION);
  if (!canonical.ok) throw new Error(canonical.refusal.code);
  const label = {
    tier: "black",
    category: "theft",
    source: "research",
    confidence: 80,
    sinceMs: 1_700_000_000_000,
  } as const;
  const changes = [{ chain: "bitcoin-regtest", canonical: canonical.value, label }];
  const path = join(folder, `made-${Math.random()}`);
  makeUpdate({ path, kind: "snapshot", follows: null, madeAtMs: Date.now(), changes });
  sealUpdate(path, { keyId: "research", privateKey });
  const message = { update: readFileSync(path) };
  const outgoing = { id: `labels/${path}`, key: "labels", occurredAtMs: Date.now(), message };
  await vault.bridge.send(seal(seals.sealer("vault"), "labels.offered.v1", outgoing));
}

const task = (id: string, address?: string) =>
  makeTask(seals, held.wallet, {
    coins: [fund(held.wallet)],
    requests: [request(id, address === undefined ? {} : { address })],
  });
const metrics = () => vault.zone()?.metrics ?? "";

test("without labels a task waits; what vault carries counts by its own seals; then black is refused", async () => {
  const waiting = task("w1");
  await vault.send(waiting);
  const delayed = await vault.verdict(waiting, "delayed");
  expect(JSON.stringify(delayed, (_, value) => (typeof value === "bigint" ? String(value) : value))).toContain(
    "LABELS_UNKNOWN",
  );

  await offer(generateKeyPairSync("ed25519").privateKey);
  await vault.until(() => metrics().includes('sluice_tasks_received_total{what="LABELS_SEAL_WRONG"'));
  expect(readdirSync(join(folder, "updates"))).toEqual([]);
  expect(metrics()).not.toContain("sluice_labels_version_info{");

  await offer();
  await vault.until(() => metrics().includes('sluice_labels_version_info{version="1"'));
  const bad = task("w2", OTHER_DESTINATION);
  await vault.send(bad);
  const refused = await vault.verdict(bad, "refused");
  const findings = refused.verdict.case === "refused" ? refused.verdict.value.findings : [];
  expect(findings.map(({ withdrawalId, finding }) => [withdrawalId, finding.rule, finding.evidence["source"]])).toEqual(
    [["w2", "DESTINATION_LABELLED", "research"]],
  );
});
