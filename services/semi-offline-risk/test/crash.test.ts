// semi-offline-risk killed for good in the middle of a task. Kills at random are test/chaos's, by name those of crash-points.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finalisePayout } from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { createPool, type Pool } from "@sluice/postgres";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import { makeHeldWallet, makeSeals, makeTask } from "@sluice/second-opinion/fixtures";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Process, prepareZone } from "./processes.ts";
import { openVault, type Vault } from "./vault.ts";

const seals = makeSeals();
const held = await makeHeldWallet();
const { wallet } = held;

let folder = "";
let database: TestDatabase;
let pool: Pool;
let vault: Vault;
let zone: ReturnType<typeof prepareZone>;
const running = new Map<Holder | "risk", Process>();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "zone-crash-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  pool = createPool({ url: database.url, applicationName: "zone-crash-test" });
  zone = prepareZone({ folder, seals, held, databaseUrl: database.url });
  vault = openVault(seals, zone.vaultSocket);
  running.set("risk", zone.startRisk());
  for (const holder of HOLDERS) running.set(holder, zone.startHolder(holder));
  await allLive();
});

afterEach(async () => {
  await Promise.all([...running.values()].map(({ kill }) => kill()));
  await vault.bridge.close();
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function allLive(): Promise<void> {
  await vault.until(
    () => vault.zone()?.holders.every(({ connected, report }) => connected && report?.state === "serving") === true,
  );
}

async function restart(name: Holder | "risk"): Promise<void> {
  await running.get(name)?.kill();
  running.set(name, name === "risk" ? zone.startRisk() : zone.startHolder(name));
}

async function rowsOf(sql: string): Promise<readonly Record<string, unknown>[]> {
  return (await pool.query(sql)).rows;
}

/** Looks again with every word of the zone: this test is not told of rows. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    const seen = vault.zone();
    await vault.until(() => vault.zone() !== seen);
  }
}

test("goes on with a task whose orders were out when it was killed", async () => {
  const holders = HOLDERS.map((holder) => running.get(holder)?.child);
  for (const holder of holders) holder?.kill("SIGSTOP");
  const task = makeTask(seals, wallet);
  await vault.send(task);
  await eventually(async () => (await rowsOf("select from holder_order")).length === 2);
  await restart("risk");
  for (const holder of holders) holder?.kill("SIGCONT");
  const report = await vault.verdict(task, "signed");
  if (report.verdict.case !== "signed") throw new Error("not signed");
  expect(finalisePayout(task.psbt, report.verdict.value.psbt, wallet.descriptor)).toMatchObject({ ok: true });
  expect(await rowsOf("select state from task")).toEqual([{ state: "signed" }]);
}, 180_000);

test("sends a report again that vault had not taken when it was killed", async () => {
  const task = makeTask(seals, wallet);
  await vault.send(task);
  await vault.verdict(task, "signed");
  await restart("risk");
  await pool.query("update report set accepted_at = null");
  await eventually(async () => (await rowsOf("select from report where accepted_at is null")).length === 0);
  const envelopes = vault.envelopes().map(({ envelope }) => Buffer.from(envelope).toString("hex"));
  expect(envelopes.length).toBeGreaterThan(1);
  expect(new Set(envelopes).size).toBe(1);
}, 180_000);
