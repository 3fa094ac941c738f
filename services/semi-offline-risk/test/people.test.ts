// What people decide for the zone, on real parts: bundles by both ways in, a wait that a bundle ends, vetoes, releases.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { callConsole } from "@sluice/console";
import { HOLDERS, type Holder, seal } from "@sluice/contracts";
import { createPool, type Pool } from "@sluice/postgres";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import { signDecision } from "@sluice/second-opinion";
import {
  type BundleParts,
  bundleContent,
  fund,
  makeHeldWallet,
  makeOffice,
  makeSeals,
  makeTask,
  POLICY_FILE,
  type PolicyChanges,
  request,
  sealedBundle,
  type Task,
} from "@sluice/second-opinion/fixtures";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Process, prepareZone } from "./processes.ts";
import { openVault, type Report, type Vault } from "./vault.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const [A, B] = HOLDERS;
const seals = makeSeals();
const office = makeOffice();
const held = await makeHeldWallet();
/** A payment above 150,000 satoshi waits an hour; above 300,000 it needs a release and does not wait for time. */
const LARGE = { delayAboveSat: "150000", delayMs: 3_600_000, releaseAboveSat: "300000" };

let folder = "";
let database: TestDatabase;
let pool: Pool;
let vault: Vault;
let zone: ReturnType<typeof prepareZone>;
let risk: Process;
const running: Process[] = [];
const holders = new Map<Holder, Process>();
/** The versions that came into force, by content hash, in their order. */
const hashes: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "people-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  pool = createPool({ url: database.url, applicationName: "people-test" });
  // The first bundle is older than it may be.
  const bundle = { madeAtMs: Date.now() - 8 * DAY_MS };
  zone = prepareZone({ folder, seals, held, databaseUrl: database.url, office, bundle, policy: { large: LARGE } });
  vault = openVault(seals, zone.vaultSocket);
  risk = zone.startRisk();
  running.push(risk);
  for (const holder of [A, B]) startHolder(holder);
  await vault.until(() => vault.zone()?.holders.filter(({ report }) => report?.state === "serving").length === 2);
  hashes.push(vault.zone()?.bundle?.sha256 ?? "");
});

afterAll(async () => {
  await Promise.all(running.map(({ kill }) => kill()));
  await vault.bridge.close();
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

function startHolder(holder: Holder): void {
  const process = zone.startHolder(holder);
  running.push(process);
  holders.set(holder, process);
}

/** The next version, unless told otherwise; two of the office seal it. */
function next(parts: BundleParts = {}): Uint8Array {
  const previousSha256 = hashes.at(-1) ?? "";
  return sealedBundle(seals, office, { version: hashes.length + 1, previousSha256, ...parts });
}

async function offerByVault(bundle: Uint8Array): Promise<string> {
  const before = Date.now();
  // What was offered before is of an earlier millisecond.
  while (Date.now() === before) await setImmediate();
  const outgoing = { id: `bundle-${before}`, key: "bundle", occurredAtMs: before, message: { bundle } };
  await vault.bridge.send(seal(seals.sealer("vault"), "bundle.offered.v1", outgoing));
  await vault.until(() => (vault.zone()?.bundle?.offeredAtMs ?? 0) > before);
  return vault.zone()?.bundle?.offeredOutcome ?? "";
}

async function importBundle(bundle: Uint8Array): Promise<string> {
  const limits = { binaryBytes: 1_000_000, headBytes: 262_144 };
  const answer = await callConsole(zone.riskConsole, "bundle import", {}, bundle, { limits });
  return answer.ok ? String(answer.output["outcome"]) : answer.code;
}

/** Accepted by the zone's console, and so the one in force. */
async function bringIntoForce(policy: PolicyChanges, changes: object = {}): Promise<void> {
  expect(await importBundle(next({ policy, changes }))).toBe("BUNDLE_ACCEPTED");
  const known = hashes.at(-1);
  await vault.until(() => vault.zone()?.bundle?.sha256 !== known);
  hashes.push(vault.zone()?.bundle?.sha256 ?? "");
}

type Console = { readonly code: string; readonly output: Readonly<Record<string, unknown>> };

async function ask(
  socket: string,
  command: string,
  input: object,
  binary: Uint8Array = new Uint8Array(0),
): Promise<Console> {
  const limits = { headBytes: 262_144 };
  const answer = await callConsole(socket, command, input as never, binary, { limits });
  return answer.ok ? { code: "OK", output: answer.output } : { code: answer.code, output: {} };
}

function decide(
  kind: "release" | "veto",
  task: Task & { readonly txid: string },
  change: object = {},
): Promise<Console> {
  const said = { kind, taskId: task.taskId, transactionId: task.txid, person: "carol", ...change };
  const { kind: _, ...input } = said;
  return ask(zone.riskConsole, kind, input, signDecision(said, office.carol.privateKey));
}

let counted = 0;
const paying = (amount: string) => {
  counted += 1;
  const coins = [fund(held.wallet, 1_000_000n, counted % 20)];
  return makeTask(seals, held.wallet, { coins, requests: [request(`p${counted}`, { amount })] });
};
const rulesOf = ({ verdict }: Report) =>
  verdict.case === "signed" ? [] : verdict.value.findings.map(({ finding }) => finding.rule);

async function send(amount: string) {
  const task = paying(amount);
  await vault.send(task);
  return task;
}

/** What a person at the console sees of a task. */
async function seen(task: Task): Promise<Record<string, unknown> | undefined> {
  const { output } = await ask(zone.riskConsole, "waiting", {});
  const tasks = output["tasks"] as readonly Record<string, unknown>[];
  return tasks.find(({ taskId }) => taskId === task.taskId);
}

describe("bundles", () => {
  test("one that is too old makes everything wait, until the next one comes over the bridge", async () => {
    const waiting = await send("100000");
    const delayed = await vault.verdict(waiting, "delayed");
    expect(rulesOf(delayed)).toEqual(["BUNDLE_TOO_OLD"]);
    expect(delayed.withdrawals).toEqual([{ withdrawalId: "p1", attempt: 1 }]);
    expect(delayed.transactionId).toBe(waiting.txid);
    expect(vault.zone()?.metrics).toMatch(/sluice_bundle_age_seconds(\{[^}]*\})? 69\d{4}/);

    expect(await offerByVault(next({ policy: { large: LARGE } }))).toBe("BUNDLE_ACCEPTED");
    hashes.push(vault.zone()?.bundle?.sha256 ?? "");
    await vault.verdict(waiting, "signed");
  });

  test.each<[string, () => Uint8Array]>([
    ["BUNDLE_VERSION_LOWER", () => next({ version: 1 })],
    ["BUNDLE_VERSION_GAP", () => next({ version: hashes.length + 2 })],
    ["BUNDLE_PREVIOUS_OTHER", () => next({ previousSha256: "ab".repeat(32) })],
    ["BUNDLE_SIGNERS_TOO_FEW", () => next({ sealedBy: 1 })],
    ["BUNDLE_SEAL_WRONG", () => sealedBundle(seals, makeOffice(), { version: 3 })],
    ["BUNDLE_FOR_OTHER_NETWORK", () => next({ changes: { network: "mainnet" } })],
    ["BUNDLE_MALFORMED", () => Buffer.from("no bundle")],
  ])("%s: refused by the bridge and by the console, visibly, and the one in force stays", async (code, bundle) => {
    expect(await offerByVault(bundle())).toBe(code);
    expect(await importBundle(bundle())).toBe(code);
    expect(vault.zone()?.bundle).toMatchObject({ version: BigInt(hashes.length), sha256: hashes.at(-1) });
  });

  test("one from removable media comes in by the console, and revokes a key from then on", async () => {
    const content = bundleContent(seals, office);
    const keys = content.keys.map((key) => (key.producer === "exchange-backend" ? { ...key, revoked: true } : key));
    await bringIntoForce({ large: LARGE }, { keys });
    expect((await ask(zone.riskConsole, "bundle status", {})).output).toMatchObject({
      version: 3,
      signedBy: ["bundle-signer-1", "bundle-signer-2"],
    });
    const refused = await send("100000");
    expect(rulesOf(await vault.verdict(refused, "refused"))).toEqual(["REQUEST_KEY_REVOKED"]);
    await bringIntoForce({ large: LARGE });
    const good = await send("100000");
    await vault.verdict(good, "signed");
  });

  test("a key that is revoked while an order waits for holders is not signed for: nobody has heard of it yet", async () => {
    await holders.get(B)?.kill();
    const waiting = await send("100000");
    expect(rulesOf(await vault.verdict(waiting, "delayed"))).toEqual(["HOLDERS_UNAVAILABLE"]);
    const keys = bundleContent(seals, office).keys.map((key) => ({ ...key, revoked: true }));
    await bringIntoForce({ large: LARGE }, { keys });
    startHolder(B);
    expect(rulesOf(await vault.verdict(waiting, "refused"))).toEqual(["SEAL_KEY_REVOKED"]);
    const { rows } = await pool.query("select from payment where task_id = $1", [waiting.taskId]);
    expect(rows).toEqual([]);
    await bringIntoForce({ large: LARGE });
  });

  test("rows are no authority: one that was changed or taken away is noticed, and nothing is signed", async () => {
    const newest = "(select max(version) from bundle)";
    const kept = await pool.query<{ bytes: Buffer }>(`select bytes from bundle where version = ${newest}`);
    const bytes = kept.rows[0]?.bytes ?? Buffer.alloc(0);
    const changed = Buffer.from(
      bytes.toString("latin1").replace('"maxPaymentSat":"500000"', '"maxPaymentSat":"900000"'),
      "latin1",
    );
    expect(changed.equals(bytes)).toBe(false);
    await pool.query(`update bundle set bytes = $1, sha256 = 'another' where version = ${newest}`, [changed]);
    const first = await send("100000");
    expect(rulesOf(await vault.verdict(first, "delayed"))).toEqual(["BUNDLE_UNAVAILABLE"]);
    expect(await importBundle(next())).toBe("BUNDLE_UNAVAILABLE");
    await pool.query(`update bundle set bytes = $1, sha256 = $2 where version = ${newest}`, [bytes, hashes.at(-1)]);

    // An older one on top: a database that was set back.
    await pool.query(`update bundle set version = -version where version = ${newest}`);
    const second = await send("100000");
    expect(rulesOf(await vault.verdict(second, "delayed"))).toEqual(["BUNDLE_UNAVAILABLE"]);
    await pool.query("update bundle set version = -version where version < 0");
    await bringIntoForce({ large: LARGE });
    await vault.verdict(first, "signed");
    await vault.verdict(second, "signed");
  });
});

describe("large payments", () => {
  test("wait a deliberate time, in which a holder's operator says no: refused for good, nothing signed", async () => {
    const large = await send("200000");
    const delayed = await vault.verdict(large, "delayed");
    expect(rulesOf(delayed)).toEqual(["LARGE_PAYMENT_DELAY"]);
    expect(await seen(large)).toMatchObject({ transactionId: large.txid, payments: [{ amountSat: "200000" }] });

    expect((await ask(zone.consoleOf(A), "veto", { taskId: "no-such-task", person: "dave" })).code).toBe("OK");
    expect((await ask(zone.consoleOf(A), "veto", { taskId: large.taskId })).code).toBe("VETO_MALFORMED");
    const vetoed = { taskId: large.taskId, person: "dave", reason: "not my customer" };
    expect((await ask(zone.consoleOf(A), "veto", vetoed)).code).toBe("OK");
    const refusal = await vault.verdict(large, "refused");
    expect(refusal.verdict).toMatchObject({
      value: {
        signatureMayExist: false,
        findings: [
          {
            withdrawalId: `p${counted}`,
            finding: { rule: "VETOED", reason: `dave said no at the console of ${A}: not my customer` },
          },
        ],
      },
    });
    // The same withdrawal in another task, with other coins.
    const again = { ...paying("200000"), withdrawals: large.withdrawals };
    await vault.send(again);
    expect(rulesOf(await vault.verdict(again, "refused"))).toEqual(["VETOED"]);
    expect(
      (await pool.query("select 1 from holder_order where task_id = any($1)", [[large.taskId, again.taskId]])).rows,
    ).toEqual([]);
  });

  test("are vetoed at the zone's console too, by a person whom the bundle names", async () => {
    const large = await send("200000");
    await vault.verdict(large, "delayed");
    expect((await decide("veto", large, { person: "mallory" })).code).toBe("PERSON_UNKNOWN");
    expect((await decide("veto", large)).code).toBe("OK");
    expect(rulesOf(await vault.verdict(large, "refused"))).toEqual(["VETOED"]);
    expect((await decide("veto", large)).code).toBe("TASK_NOT_WAITING");
  });

  test("are signed by themselves when their time is over, counted from the first judgement", async () => {
    const large = await send("200000");
    const { verdict } = await vault.verdict(large, "delayed");
    const untilMs = verdict.case === "delayed" ? verdict.value.untilMs : 0;
    // The hour is over.
    await pool.query("update deliberation set since_ms = since_ms - 3600000 where task_id = $1", [large.taskId]);
    expect(untilMs - Date.now()).toBeGreaterThan(3_500_000);
    await pool.query("update task set due_at_ms = 0 where id = $1", [large.taskId]);
    await vault.verdict(large, "signed");
  });

  test("above a second threshold wait for a named person for as long as it takes, over restarts", async () => {
    await bringIntoForce({ large: { ...LARGE, delayMs: 0 } });
    const larger = await send("400000");
    expect(rulesOf(await vault.verdict(larger, "delayed"))).toEqual(["NEEDS_RELEASE"]);
    expect(await seen(larger)).toMatchObject({ payments: [{ needsRelease: true, vetoedBy: null }] });
    expect((await decide("release", larger, { transactionId: "ab".repeat(32) })).code).toBe("TRANSACTION_OTHER");
    const other = await ask(
      zone.riskConsole,
      "release",
      { taskId: larger.taskId, transactionId: larger.txid, person: "carol" },
      signDecision(
        { kind: "veto", taskId: larger.taskId, transactionId: larger.txid, person: "carol" },
        office.carol.privateKey,
      ),
    );
    expect(other.code).toBe("DECISION_SIGNATURE_WRONG");

    // A row without a signature that holds is no release; and nothing is forgotten when the process is killed.
    await pool.query("insert into release values ($1, $2, 'carol', $3, 0)", [
      larger.taskId,
      larger.txid,
      Buffer.alloc(64),
    ]);
    await risk.kill();
    const line = () => holders.get(A)?.lines.findLast(({ msg }) => msg === "bridge to semi-offline-risk");
    while (line()?.["state"] === "connected") await setImmediate();
    const nobody = await ask(zone.consoleOf(A), "veto", { taskId: larger.taskId, person: "dave" });
    expect(nobody.code).toBe("ZONE_UNREACHABLE");
    const before = vault.reports().length;
    await pool.query("update task set due_at_ms = 0 where id = $1", [larger.taskId]);
    risk = zone.startRisk();
    running.push(risk);
    await vault.until(() => vault.reports().length > before);
    expect(rulesOf(vault.reports().at(-1) as Report)).toEqual(["NEEDS_RELEASE"]);

    expect((await decide("release", larger)).code).toBe("OK");
    const signed = await vault.verdict(larger, "signed");
    expect(signed.transactionId).toBe(larger.txid);
    expect((await decide("release", larger)).code).toBe("TASK_NOT_WAITING");
  });
});

test("what people suspend at online-risk waits here with its reason, and goes on with the reopening", async () => {
  const say = (isStanding: boolean) => {
    const id = `s1/${isStanding ? "suspended" : "reopened"}`;
    const message = {
      suspensionId: "s1",
      kind: "all",
      values: [""],
      isStanding,
      changedAtMs: 1,
      reason: "a leak",
    } as const;
    const sealed = seal(seals.sealer("online-risk"), "suspension.changed.v1", {
      id,
      key: "s1",
      occurredAtMs: 1,
      message,
    });
    return vault.bridge.send(sealed, { priority: "urgent" });
  };
  await say(true);
  const task = await send("100000");
  const delayed = await vault.verdict(task, "delayed");
  const [found] = delayed.verdict.case === "delayed" ? delayed.verdict.value.findings : [];
  expect([found?.finding.rule, found?.finding.reason]).toEqual(["SUSPENDED", "everything is suspended: a leak"]);
  await say(false);
  await vault.verdict(task, "signed");
});

describe("what is usual", () => {
  test("for an account is learnt from its own payments: far more waits, with the evidence", async () => {
    await bringIntoForce({
      baseline: {
        ...POLICY_FILE.baseline,
        minimumCount: 5,
        account: { delayScore: 2, refuseScore: 100 },
        delayMs: 3_600_000,
      },
    });
    const usual = await send("100000");
    await vault.verdict(usual, "signed");
    const unusual = await send("450000");
    const { verdict } = await vault.verdict(unusual, "delayed");
    expect(verdict).toMatchObject({
      value: { findings: [{ finding: { rule: "ACCOUNT_ABNORMAL", evidence: { medianSat: "100000" } } }] },
    });
  });

  test("for the wallet is learnt from its hours: an hour far above the others makes everything wait", async () => {
    const rows = Array.from({ length: 6 }, (_, at) => at + 1);
    await pool.query(
      `insert into outflow (txid, wallet_id, amount_sat, at_ms)
       select 'hour ' || hour, 'hot', 1000, $2::bigint - hour * 3600000 - 60000 from unnest($1::int[]) as hour`,
      [rows, Date.now()],
    );
    await bringIntoForce({
      baseline: {
        ...POLICY_FILE.baseline,
        minimumCount: 5,
        wallet: { delayScore: 2, refuseScore: 100 },
        delayMs: 3_600_000,
      },
    });
    const { verdict } = await vault.verdict(await send("100000"), "delayed");
    expect(verdict).toMatchObject({
      value: {
        findings: [
          { withdrawalId: "", finding: { rule: "WALLET_ABNORMAL", evidence: { medianSat: "1000", count: "6" } } },
        ],
      },
    });
    await bringIntoForce({
      baseline: {
        ...POLICY_FILE.baseline,
        minimumCount: 5,
        account: { delayScore: 2, refuseScore: 100 },
        delayMs: 3_600_000,
      },
    });
  });
});

test("when something goes wrong inside, the task waits and says so", async () => {
  await pool.query("update payment set amount_sat = 0 where account = 'alice'");
  const task = await send("100000");
  expect(rulesOf(await vault.verdict(task, "delayed"))).toEqual(["JUDGEMENT_FAILED"]);
});

test("a bundle that is not one is refused where the zone is installed", async () => {
  const other = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  writeFileSync(join(folder, "bad.bundle"), "no bundle");
  const bad = zone.startRisk({
    SLUICE_DATABASE_URL: other.url,
    SLUICE_FIRST_BUNDLE_FILE: join(folder, "bad.bundle"),
    SLUICE_CONSOLE_SOCKET: join(folder, "consoles", "bad.sock"),
  });
  expect((await bad.ended).code).toBe(78);
  expect(JSON.stringify(bad.lines)).toContain("BUNDLE_MALFORMED");
  await other.drop();
});
