// A vault that withholds reports: what it does not take stays pending on record, and goes again, byte for byte, in order.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bridge, openBridge, unixConnector, unixListener } from "@sluice/bridge";
import { testBridgeSession } from "@sluice/bridge/testing";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import { reportOf } from "@sluice/second-opinion";
import { makeSeals } from "@sluice/second-opinion/fixtures";
import { repeatReport, writeReport } from "@sluice/zone-memory";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sendReports } from "../src/reports.ts";

const seals = makeSeals();
const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

let folder = "";
let database: TestDatabase;
let pool: Pool;
let zone: Bridge;
const open: Bridge[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "withheld-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  pool = createPool({ url: database.url, applicationName: "withheld-reports-test" });
  await migrate(pool, [{ set: "semi-offline-risk", directory: MIGRATIONS }]);
  zone = openBridge({
    carrier: unixListener(join(folder, "vault.sock")),
    localName: "semi-offline-risk",
    peerName: "vault",
    session: testBridgeSession("semi-offline-risk", "vault"),
    onMessage: async () => undefined,
  });
  open.push(zone);
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((bridge) => bridge.close()));
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

function openVault(onMessage: (bytes: Uint8Array) => Promise<void>): Bridge {
  const bridge = openBridge({
    carrier: unixConnector(join(folder, "vault.sock")),
    localName: "vault",
    peerName: "semi-offline-risk",
    session: testBridgeSession("vault", "semi-offline-risk"),
    onMessage,
  });
  open.push(bridge);
  return bridge;
}

/** The refusal of a task that did not read, on record as judge-stage.ts puts it there. */
async function refuse(taskId: string): Promise<void> {
  const finding = { withdrawalId: "", rule: "PSBT_TRUNCATED", reason: "cut short", evidence: {} };
  const about = { withdrawals: [{ withdrawalId: "w1", attempt: 1 }], txid: "" };
  const report = reportOf(taskId, about, { kind: "refuse", findings: [finding] });
  await transaction(pool, async (tx) => {
    await tx.query(
      "insert into task (id, wallet_id, envelope, content_sha256, state) values ($1, 'hot', $2, $2, 'refused')",
      [taskId, Buffer.alloc(32, taskId)],
    );
    await writeReport(tx, seals.sealer("semi-offline-risk"), report, 1_000);
  });
}

async function rows(where: string): Promise<readonly Buffer[]> {
  const { rows: found } = await pool.query<{ envelope: Buffer }>(
    `select envelope from report ${where} order by number`,
  );
  return found.map(({ envelope }) => envelope);
}

test("what a vault does not take stays pending, and an honest one gets all of it, in order and byte for byte", async () => {
  for (const taskId of ["t1", "t2", "t3"]) await refuse(taskId);
  const recorded = await rows("");
  expect(recorded).toHaveLength(3);

  const arrived = Promise.withResolvers<void>();
  const withheld = Promise.withResolvers<void>();
  const withholding = openVault(() => {
    arrived.resolve();
    return withheld.promise;
  });
  const sending = sendReports(pool, zone);
  await arrived.promise;
  expect(await rows("where accepted_at is null")).toHaveLength(3);
  const closing = withholding.close();
  withheld.reject(new Error("vault does not take it"));
  await closing;

  const heard: Buffer[] = [];
  openVault(async (bytes) => void heard.push(Buffer.from(bytes)));
  await sending;
  expect(heard).toEqual(recorded);
  expect(await rows("where accepted_at is null")).toEqual([]);

  // Whoever asks about a task once more gets the recorded report once more, and no new one.
  await transaction(pool, (tx) => repeatReport(tx, "t2"));
  await sendReports(pool, zone);
  expect(heard.slice(3)).toEqual(recorded.slice(1, 2));
  expect(await rows("")).toEqual(recorded);
});
