// A holder's journal, and the zone's own database, restored from an older copy: real processes, real files, real Postgres.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOLDERS } from "@sluice/contracts";
import { createTestDatabase } from "@sluice/postgres/testing";
import { makeHeldWallet, makeSeals, makeTask, request } from "@sluice/second-opinion/fixtures";
import { expect, onTestFinished, test } from "vitest";
import { type Process, prepareZone } from "./processes.ts";
import { openVault } from "./vault.ts";

const [A, B, C] = HOLDERS;

test("a holder with a rolled back journal is asked nothing; with a rolled back database nobody signs", async () => {
  const seals = makeSeals();
  const held = await makeHeldWallet();
  const folder = mkdtempSync(join(tmpdir(), "rollback-"));
  const [database, empty] = await Promise.all(
    [1, 2].map(() => createTestDatabase(process.env["OFFLINE_DATABASE_URL"])),
  );
  if (database === undefined || empty === undefined) throw new Error("two were made");
  const zone = prepareZone({ folder, seals, held, databaseUrl: database.url });
  const vault = openVault(seals, zone.vaultSocket);
  const running: Process[] = [];
  const follow = (one: Process): Process => {
    running.push(one);
    return one;
  };
  onTestFinished(async () => {
    await Promise.all(running.map(({ kill }) => kill()));
    await vault.bridge.close();
    await Promise.all([database.drop(), empty.drop()]);
    rmSync(folder, { recursive: true });
  });
  const statusOf = (holder: string) => vault.zone()?.holders.find((each) => each.holder === holder);
  const serving = (holder: string) => vault.until(() => statusOf(holder)?.report?.state === "serving");
  const alarmed = (holder: string, alarm: string) => vault.until(() => statusOf(holder)?.alarm === alarm);
  const signers = async (id: string) => {
    const task = makeTask(seals, held.wallet, { requests: [request(id)] });
    await vault.send(task);
    const { verdict } = await vault.verdict(task, "signed");
    return verdict.case === "signed" ? verdict.value.holders : [];
  };

  let risk = follow(zone.startRisk());
  const by = new Map(HOLDERS.map((holder) => [holder, follow(zone.startHolder(holder))]));
  for (const holder of HOLDERS) await serving(holder);
  const journal = join(folder, `journal-${A}`);
  cpSync(journal, `${journal}.old`, { recursive: true });
  expect(await signers("w1")).toEqual([A, B]);

  // Its journal comes back from a backup: it is there and serves, and is asked nothing.
  await by.get(A)?.kill();
  rmSync(journal, { recursive: true });
  cpSync(`${journal}.old`, journal, { recursive: true });
  follow(zone.startHolder(A));
  await alarmed(A, "HOLDER_ROLLED_BACK");
  await serving(A);
  expect(await signers("w2")).toEqual([B, C]);

  // The database of semi-offline-risk is one from before all this: the journals remember more.
  await risk.kill();
  risk = follow(zone.startRisk({ SLUICE_DATABASE_URL: empty.url }));
  await alarmed(B, "ZONE_ROLLED_BACK");
  await serving(C);
  const late = makeTask(seals, held.wallet, { requests: [request("w3")] });
  await vault.send(late);
  const { verdict } = await vault.verdict(late, "delayed");
  expect(verdict).toMatchObject({ value: { findings: [{ finding: { rule: "HOLDERS_UNAVAILABLE" } }] } });
}, 120_000);
