// The whole zone on real parts: Postgres over its Unix socket, semi-offline-risk and three holders as processes without a
// network, real bridges. This test speaks for vault.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Coin, deriveScript, finalisePayout } from "@sluice/chains";
import { callConsole } from "@sluice/console";
import { HOLDERS, type Holder, seal } from "@sluice/contracts";
import { createPool } from "@sluice/postgres";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import {
  asMessage,
  DESTINATION,
  type FixtureWallet,
  fund,
  makeHeldWallet,
  makeSeals,
  makeTask,
  OTHER_DESTINATION,
  request,
  type Task,
  withInputOf,
} from "@sluice/second-opinion/fixtures";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Process, prepareZone, WITHOUT_NETWORK, type ZoneOptions } from "./processes.ts";
import { openVault, type Report, type Vault } from "./vault.ts";

const [A, B, C] = HOLDERS;
const seals = makeSeals();
const held = await makeHeldWallet(20, "hot", ["hot-2"]);
const { wallet } = held;
const second = (held.others[0] as FixtureWallet).wallet;

let folder = "";
let database: TestDatabase;
let running: Process[] = [];
let vault: Vault;
let zone: ReturnType<typeof prepareZone>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "zone-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
});

afterEach(async () => {
  await Promise.all(running.map(({ kill }) => kill()));
  running = [];
  await vault.bridge.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

/** Starts the zone with some of its holders, and waits until vault hears that these are live. */
async function startZone(holders: readonly Holder[], options: Partial<ZoneOptions> = {}) {
  zone = prepareZone({ folder, seals, held, databaseUrl: database.url, ...options });
  vault = openVault(seals, zone.vaultSocket);
  const risk = follow(zone.startRisk());
  const by = new Map(holders.map((holder) => [holder, follow(zone.startHolder(holder))]));
  await live(holders.length);
  return { risk, by };
}

function follow(process: Process): Process {
  running.push(process);
  return process;
}

/** Looks again with every word of the zone: this test is not told of rows. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    const seen = vault.zone();
    await vault.until(() => vault.zone() !== seen);
  }
}

/** Vault's newest word of the zone has this many holders connected and serving. */
async function live(count: number): Promise<void> {
  await vault.until(
    () =>
      vault.zone()?.holders.filter(({ connected, report }) => connected && report?.state === "serving").length ===
      count,
  );
}

function expectSigned(task: Task & { readonly txid: string }, report: Report, by = wallet): readonly string[] {
  if (report.verdict.case !== "signed") throw new Error(JSON.stringify(report.verdict));
  const final = finalisePayout(task.psbt, report.verdict.value.psbt, by.descriptor);
  expect(final).toMatchObject({ ok: true, value: { txid: task.txid } });
  expect(report.transactionId).toBe(task.txid);
  return report.verdict.value.holders;
}

async function rowsOf(sql: string): Promise<readonly Record<string, unknown>[]> {
  const pool = createPool({ url: database.url, applicationName: "zone-test" });
  try {
    return (await pool.query(sql)).rows;
  } finally {
    await pool.end();
  }
}

const task = (parts: Parameters<typeof makeTask>[2] = {}) => makeTask(seals, wallet, parts);
const refusedFor = (report: Report) => {
  if (report.verdict.case !== "refused") throw new Error(JSON.stringify(report.verdict));
  const { findings, signatureMayExist } = report.verdict.value;
  return { rules: findings.map(({ withdrawalId, finding }) => [withdrawalId, finding.rule]), signatureMayExist };
};

describe("the zone", () => {
  test("signs what is good, refuses what is not, pays once, and numbers its reports without a gap", async () => {
    const policy = { labels: [{ address: OTHER_DESTINATION, tier: "black", category: "theft", reason: "stolen" }] };
    await startZone(HOLDERS, { policy });

    const coin = fund(wallet);
    const good = task({ coins: [coin], requests: [request("w1"), request("w2", { account: "bob" })] });
    await vault.send(good);
    const signed = await vault.verdict(good, "signed");
    expect(expectSigned(good, signed)).toHaveLength(2);
    expect(signed.withdrawals).toEqual([
      { withdrawalId: "w1", attempt: 1 },
      { withdrawalId: "w2", attempt: 1 },
    ]);

    const labelled = task({ requests: [request("w3"), request("w4", { address: OTHER_DESTINATION })] });
    await vault.send(labelled);
    const refused = await vault.verdict(labelled, "refused");
    expect(refusedFor(refused)).toEqual({ rules: [["w4", "DESTINATION_LABELLED"]], signatureMayExist: false });
    expect(refused.withdrawals.map(({ withdrawalId }) => withdrawalId)).toEqual(["w3", "w4"]);

    // The same withdrawal under another task, with other coins: a second payment.
    const again = task({ requests: [request("w1")] });
    await vault.send(again);
    expect(refusedFor(await vault.verdict(again, "refused")).rules.map(([, rule]) => rule)).toEqual(["ALREADY_PAID"]);
    // With the same coin it is a replacement: only one of the two can confirm.
    const bumped = task({ coins: [coin], requests: [request("w1")], feeRateSatPerVbyte: 9 });
    await vault.send(bumped);
    expectSigned(bumped, await vault.verdict(bumped, "signed"));
    // The coin is not for withdrawals that were never in a transaction with it.
    const stealing = task({ coins: [coin], requests: [request("w9")] });
    await vault.send(stealing);
    expect(refusedFor(await vault.verdict(stealing, "refused")).rules).toEqual([["", "INPUT_IN_USE"]]);

    // Asked again, the recorded report comes again, byte for byte; with other content, nothing new comes.
    const before = vault.envelopes().length;
    await vault.send(good);
    const repeated = await vault.until(() => vault.envelopes()[before]);
    expect(repeated.message).toEqual(signed);
    await vault.send({ ...labelled, taskId: good.taskId });
    expect(vault.reports().map(({ number }) => number)).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(await rowsOf("select count(*) from payment where withdrawal_id = 'w1'")).toEqual([{ count: 1n }]);
  }, 120_000);

  test("knows two wallets apart: by their keys, their coins, their addresses and their windows", async () => {
    // The fourth transaction of a wallet within the hour has to wait.
    await startZone([A, B], { policy: { walletWindows: [{ windowMs: 3_600_000, maxCount: 3 }] } });
    const of = (from: typeof wallet, parts: Parameters<typeof makeTask>[2]) => makeTask(seals, from, parts);
    const [one, two] = [of(wallet, { requests: [request("w1")] }), of(second, { requests: [request("w2")] })];
    for (const each of [one, two]) await vault.send(each);
    expect(expectSigned(one, await vault.verdict(one, "signed"))).toHaveLength(2);
    expect(expectSigned(two, await vault.verdict(two, "signed"), second)).toHaveLength(2);

    const coins = [fund(wallet), fund(wallet, 90_000n, 5)];
    const mixed = of(wallet, { requests: [request("w3")], coins });
    const change = deriveScript(second.descriptor, 1, 7).address;
    const into = [
      { address: DESTINATION, amountSat: 100_000n },
      { address: change, amountSat: 200_000n },
    ];
    const attacks: readonly (readonly [Task, string])[] = [
      [{ ...of(second, { requests: [request("w3")] }), walletId: "hot" }, "INPUT_DERIVATION_PATH"],
      [{ ...of(wallet, { requests: [request("w3")] }), walletId: "hot-3" }, "WALLET_UNKNOWN"],
      [withInputOf(mixed, { wallet, coin: coins[1] as Coin }, second), "INPUT_NOT_OWN"],
      [of(wallet, { requests: [request("w3")], pays: into }), "PAYMENT_UNMATCHED"],
      [of(wallet, { requests: [request("w3", { address: change })] }), "PAYMENT_TO_OWN_WALLET"],
      // The other wallet pays it already.
      [of(wallet, { requests: [request("w2")] }), "ALREADY_PAID"],
    ];
    for (const [at, [attack, code]] of attacks.entries()) {
      const sent = { ...attack, taskId: `attack-${at}` };
      await vault.send(sent);
      const { rules, signatureMayExist } = refusedFor(await vault.verdict(sent, "refused"));
      expect([rules.map(([, rule]) => rule), signatureMayExist]).toEqual([[code], false]);
    }

    for (const [at, from] of [wallet, wallet, second].entries()) {
      const more = of(from, { requests: [request(`more-${at}`)] });
      await vault.send(more);
      expectSigned(more, await vault.verdict(more, "signed"), from);
    }
    const fourth = of(wallet, { requests: [request("w4")] });
    await vault.send(fourth);
    expect((await vault.verdict(fourth, "delayed")).verdict).toMatchObject({
      value: { findings: [{ finding: { rule: "WALLET_OUTFLOW" } }] },
    });
    const third = of(second, { requests: [request("w5")] });
    await vault.send(third);
    expectSigned(third, await vault.verdict(third, "signed"), second);
  }, 120_000);

  test("has no IP socket while it signs, by the kernel's own tables", async () => {
    const { risk, by } = await startZone([A, B]);
    const good = task();
    await vault.send(good);
    expectSigned(good, await vault.verdict(good, "signed"));
    expect(vault.zone()?.isolation.noIp).toBe(WITHOUT_NETWORK !== undefined);
    for (const { child } of [risk, ...by.values()]) {
      for (const table of WITHOUT_NETWORK === undefined ? [] : ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"]) {
        const rows = readFileSync(`/proc/${child.pid}/net/${table}`, "utf8").trim().split("\n").slice(1);
        expect([table, rows]).toEqual([table, []]);
      }
    }
  }, 120_000);

  test("signs with any two of its holders", async () => {
    const { by } = await startZone(HOLDERS);
    await by.get(A)?.kill();
    await live(2);
    const first = task();
    await vault.send(first);
    expect(expectSigned(first, await vault.verdict(first, "signed"))).toEqual([B, C]);
    follow(zone.startHolder(A));
    await live(3);
    await by.get(B)?.kill();
    await live(2);
    const second = task({ requests: [request("w2")] });
    await vault.send(second);
    expect(expectSigned(second, await vault.verdict(second, "signed"))).toEqual([A, C]);
  }, 120_000);

  test("waits in a state that a person can read while one holder is there, and goes on when a second is back", async () => {
    const { by } = await startZone(HOLDERS);
    await by.get(A)?.kill();
    await by.get(B)?.kill();
    await live(1);
    const waiting = task();
    await vault.send(waiting);
    const delayed = await vault.verdict(waiting, "delayed");
    expect(delayed.verdict).toMatchObject({
      value: { findings: [{ withdrawalId: "", finding: { rule: "HOLDERS_UNAVAILABLE", verdict: "delay" } }] },
    });
    expect(await rowsOf("select holder from holder_order")).toEqual([]);
    follow(zone.startHolder(B));
    expect(expectSigned(waiting, await vault.verdict(waiting, "signed"))).toEqual([B, C]);
    expect(vault.reports().map(({ verdict }) => verdict.case)).toEqual(["delayed", "signed"]);
  }, 120_000);

  test("asks no holder that is locked, and goes on when its custodians have come", async () => {
    await startZone([A, B]);
    expect(await callConsole(zone.consoleOf(B), "lock")).toMatchObject({ ok: true });
    await live(1);
    const waiting = task();
    await vault.send(waiting);
    const { verdict } = await vault.verdict(waiting, "delayed");
    expect(verdict).toMatchObject({ value: { findings: [{ finding: { rule: "HOLDERS_UNAVAILABLE" } }] } });
    expect(await rowsOf("select holder from holder_order")).toEqual([]);
    await held.unlock(B, zone.consoleOf(B));
    expect(expectSigned(waiting, await vault.verdict(waiting, "signed"))).toEqual([A, B]);
  }, 120_000);

  test("does not count it against a holder that it was locked when its order came", async () => {
    const { by } = await startZone([A, B]);
    by.get(B)?.child.kill("SIGSTOP");
    const asked = task();
    await vault.send(asked);
    await eventually(async () => (await rowsOf("select from holder_order where answer is not null")).length === 1);
    await by.get(B)?.kill();
    // It comes back locked, and the order that it had not taken comes again over the bridge.
    const back = follow(zone.startHolder(B, {}, false));
    await back.says("an order was answered");
    expect(JSON.stringify(back.lines)).toContain("HOLDER_LOCKED");
    await held.unlock(B, zone.consoleOf(B));
    expect(expectSigned(asked, await vault.verdict(asked, "signed"))).toEqual([A, B]);
  }, 120_000);

  test("passes over a holder that hangs, and records its late answer", async () => {
    const { by } = await startZone(HOLDERS);
    const hanging = by.get(A)?.child;
    hanging?.kill("SIGSTOP");
    const good = task();
    await vault.send(good);
    expect(expectSigned(good, await vault.verdict(good, "signed"))).toEqual([B, C]);
    hanging?.kill("SIGCONT");
    const answers = () => rowsOf("select holder, answer from holder_order order by holder");
    let late = await answers();
    while (late[0]?.["answer"] === null) {
      // Every report of the zone is a moment later than the one before.
      const seen = vault.zone();
      await vault.until(() => vault.zone() !== seen);
      late = await answers();
    }
    expect(late).toEqual([
      { holder: A, answer: "signatures" },
      { holder: B, answer: "signatures" },
      { holder: C, answer: "signatures" },
    ]);
    expect(vault.reports()).toHaveLength(1);
  }, 120_000);

  test("when two holders refuse says so, and the withdrawal is paid with other coins", async () => {
    await startZone([]);
    for (const holder of [A, B]) follow(zone.startHolder(holder, { SLUICE_MAX_FEE_SAT: "1000" }));
    await live(2);
    const dear = task({ feeRateSatPerVbyte: 12 });
    await vault.send(dear);
    const refusal = refusedFor(await vault.verdict(dear, "refused"));
    expect(refusal).toEqual({
      rules: [
        ["", "FEE_OVER_CAP"],
        ["", "FEE_OVER_CAP"],
      ],
      signatureMayExist: false,
    });
    const cheap = task({ feeRateSatPerVbyte: 2 });
    await vault.send(cheap);
    expectSigned(cheap, await vault.verdict(cheap, "signed"));
  }, 120_000);

  test("keeps everything for a person when two refuse after the third has signed", async () => {
    await startZone([]);
    follow(zone.startHolder(A));
    follow(zone.startHolder(B, { SLUICE_MAX_PAYMENT_SAT: "1000" }));
    follow(zone.startHolder(C, { SLUICE_MAX_PAYMENT_SAT: "1000" }));
    await live(3);
    const good = task();
    await vault.send(good);
    const { rules, signatureMayExist } = refusedFor(await vault.verdict(good, "refused"));
    expect([rules.map(([, rule]) => rule), signatureMayExist]).toEqual([
      ["PAYMENT_OVER_CAP", "PAYMENT_OVER_CAP"],
      true,
    ]);
    const other = task();
    await vault.send(other);
    expect(refusedFor(await vault.verdict(other, "refused")).rules.map(([, rule]) => rule)).toEqual(["ALREADY_PAID"]);
  }, 120_000);

  test("delays what is over a limit until the window is free, then signs it by itself", async () => {
    await startZone([A, B], { policy: { accountWindows: [{ windowMs: 6_000, maxCount: 1 }] } });
    const first = task();
    await vault.send(first);
    await vault.verdict(first, "signed");
    const second = task({ requests: [request("w2", { address: DESTINATION })] });
    await vault.send(second);
    expect((await vault.verdict(second, "delayed")).verdict).toMatchObject({
      value: { findings: [{ withdrawalId: "w2", finding: { rule: "ACCOUNT_VELOCITY" } }] },
    });
    expectSigned(second, await vault.verdict(second, "signed"));
  }, 120_000);

  test("drops what vault did not seal, and says nothing about it", async () => {
    await startZone([A, B]);
    const forged = task();
    const { taskId: id, walletId: key } = forged;
    const stranger = makeSeals().sealer("vault");
    const outgoing = { id, key, occurredAtMs: Date.now(), message: asMessage(forged) };
    await vault.bridge.send(seal(stranger, "signing.requested.v1", outgoing));
    await vault.bridge.send(Buffer.from("no envelope"));
    const good = task({ requests: [request("w2")] });
    await vault.send(good);
    expectSigned(good, await vault.verdict(good, "signed"));
    expect(vault.reports()).toHaveLength(1);
  }, 120_000);
});
