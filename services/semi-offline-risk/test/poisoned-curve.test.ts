// One poisoned package is one holder: what it signs never becomes part of a payment, and the two honest holders finish.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finalisePayout } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { findCurveLibrary } from "@sluice/devstack";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import { makeHeldWallet, makeSeals, makeTask, request } from "@sluice/second-opinion/fixtures";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Process, prepareZone } from "./processes.ts";
import { openVault, type Vault } from "./vault.ts";

const [A, B, C] = HOLDERS;
const seals = makeSeals();
const held = await makeHeldWallet();
const library = await findCurveLibrary(() => {});
/** The others run the distribution's library; where there is none, the same addon from a package that is not poisoned. */
const otherCurve = "path" in library ? `library:${library.path}` : "addon";
const POISONED = ["--import", join(import.meta.dirname, "poisoned-package.ts")];

let folder = "";
let database: TestDatabase;
let running: Process[] = [];
let vault: Vault;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "poisoned-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
});

afterEach(async () => {
  await Promise.all(running.map(({ kill }) => kill()));
  running = [];
  await vault.bridge.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

function startZone() {
  const zone = prepareZone({ folder, seals, held, databaseUrl: database.url });
  vault = openVault(seals, zone.vaultSocket);
  const risk = zone.startRisk();
  running.push(risk, ...[B, C].map((holder) => zone.startHolder(holder, { SLUICE_CURVE: otherCurve })));
  const startFirst = (poison?: "curve" | "both"): Process => {
    const first = poison === undefined ? zone.startHolder(A) : zone.startHolder(A, { POISON: poison }, true, POISONED);
    running.push(first);
    return first;
  };
  return { risk, startFirst };
}

/** Whether vault hears that all three serve and are connected, the newest process of the first among them. */
async function allServe(): Promise<void> {
  await Promise.all(running.filter(({ child }) => child.exitCode === null).map(({ says }) => says("ready")));
  await vault.until(
    () =>
      vault.zone()?.holders.filter(({ connected, report }) => connected && report?.state === "serving").length === 3,
  );
}

async function pay(id: string): Promise<readonly string[]> {
  const task = makeTask(seals, held.wallet, { requests: [request(id)] });
  await vault.send(task);
  const { verdict } = await vault.verdict(task, "signed");
  if (verdict.case !== "signed") throw new Error(JSON.stringify(verdict));
  expect(finalisePayout(task.psbt, verdict.value.psbt, held.wallet.descriptor)).toMatchObject({
    ok: true,
    value: { txid: task.txid },
  });
  return verdict.value.holders;
}

test("a holder with poisoned packages: its signatures end with it or with semi-offline-risk, and the other two pay", async () => {
  const { risk, startFirst } = startZone();
  const honest = startFirst();
  await allServe();
  // The control: without poison the first two are asked, each with a library of its own.
  expect(await pay("w-control")).toEqual([A, B]);
  await honest.kill();
  await vault.until(() => vault.zone()?.holders.some(({ connected }) => !connected) === true);

  // A curve that signs another digest: the holder checks what it signed, and ends before anything leaves it.
  const poisoned = startFirst("curve");
  await allServe();
  expect([...(await pay("w-curve"))].toSorted()).toEqual([B, C]);
  expect(await poisoned.ended).toEqual({ code: 1, signal: null });
  expect(JSON.stringify(poisoned.lines)).toContain("SIGNATURE_INVALID");
  await vault.until(() => vault.zone()?.holders.some(({ connected }) => !connected) === true);

  // And a checking library that says that all is well: it answers, and semi-offline-risk does not believe it.
  const believing = startFirst("both");
  await allServe();
  expect([...(await pay("w-both"))].toSorted()).toEqual([B, C]);
  expect(believing.lines).toContainEqual(expect.objectContaining({ msg: "an order was answered", outcome: "first" }));
  expect(JSON.stringify(risk.lines)).toContain("SIGNATURE_INVALID");
});
