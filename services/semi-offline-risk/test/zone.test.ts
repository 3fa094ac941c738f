// The whole zone on real parts: Postgres over its Unix socket, semi-offline-risk and three holders as processes without a
// network, real bridges. This test speaks for vault. One zone goes through all of it: each test says which holders serve and
// which policy is in force, and speaks of its own tasks and of what came since it began.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Coin, deriveScript, finalisePayout } from "@sluice/chains";
import { callConsole } from "@sluice/console";
import { HOLDERS, type Holder, seal } from "@sluice/contracts";
import { createPool, type Pool } from "@sluice/postgres";
import { createTestDatabase, type TestDatabase } from "@sluice/postgres/testing";
import {
  asMessage,
  DESTINATION,
  type FixtureWallet,
  fund,
  makeHeldWallet,
  makeOffice,
  makeSeals,
  makeTask,
  OTHER_DESTINATION,
  type PolicyChanges,
  request,
  sealedBundle,
  type Task,
  withInputOf,
} from "@sluice/second-opinion/fixtures";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Process, prepareZone, WITHOUT_NETWORK } from "./processes.ts";
import { openVault, type Report, type Vault } from "./vault.ts";

const [A, B, C] = HOLDERS;
const seals = makeSeals();
const office = makeOffice();
const held = await makeHeldWallet(20, "hot", ["hot-2"]);
const { wallet } = held;
const second = (held.others[0] as FixtureWallet).wallet;
const LABELS = [{ address: OTHER_DESTINATION, tier: "black", category: "theft", reason: "stolen" }];

let folder = "";
let database: TestDatabase;
let pool: Pool;
let vault: Vault;
let zone: ReturnType<typeof prepareZone>;
let risk: Process;
const holders = new Map<Holder, { readonly process: Process; readonly settings: Settings }>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "zone-"));
  database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  pool = createPool({ url: database.url, applicationName: "zone-test" });
  zone = prepareZone({ folder, seals, held, databaseUrl: database.url, office, policy: { labels: LABELS } });
  vault = openVault(seals, zone.vaultSocket);
  risk = zone.startRisk();
});

afterAll(async () => {
  await Promise.all([risk, ...[...holders.values()].map(({ process }) => process)].map(({ kill }) => kill()));
  await vault.bridge.close();
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

type Settings = Readonly<Record<string, string>>;
const NO_SETTINGS: Settings = {};
/** Of a holder that signs less than the others. */
const STRICT: Settings = { SLUICE_MAX_FEE_SAT: "1000", SLUICE_MAX_PAYMENT_SAT: "150000" };

/** Exactly these serve, by vault's newest word, and these have such settings of their own: others are killed or started. */
async function serving(names: readonly Holder[], settings: Partial<Record<Holder, Settings>> = {}): Promise<void> {
  const settingsOf = (name: Holder): Settings => settings[name] ?? NO_SETTINGS;
  for (const [name, { process, settings: present }] of [...holders]) {
    if (names.includes(name) && present === settingsOf(name)) continue;
    await process.kill();
    holders.delete(name);
  }
  await live([...holders.keys()]);
  for (const name of names) if (!holders.has(name)) start(name, settingsOf(name));
  await live(names);
}

function start(name: Holder, settings = NO_SETTINGS, unlock = true): Process {
  const process = zone.startHolder(name, settings, unlock);
  holders.set(name, { process, settings });
  return process;
}

function processOf(name: Holder): Process {
  const holder = holders.get(name);
  if (holder === undefined) throw new Error(`${name} was not started`);
  return holder.process;
}

/** Vault's newest word of the zone has exactly these holders connected and serving. */
async function live(names: readonly Holder[]): Promise<void> {
  await vault.until(() => {
    const there = vault.zone()?.holders.filter(({ connected, report }) => connected && report?.state === "serving");
    return there?.length === names.length && there.every(({ holder }) => names.some((name) => name === holder));
  });
}

let version = 1;

/** The next bundle, by the zone's console. */
async function bringIntoForce(policy: PolicyChanges): Promise<void> {
  version += 1;
  const previousSha256 = vault.zone()?.bundle?.sha256 ?? "";
  const bundle = sealedBundle(seals, office, { version, previousSha256, policy: { labels: LABELS, ...policy } });
  const limits = { binaryBytes: 1_000_000, headBytes: 262_144 };
  const answer = await callConsole(zone.riskConsole, "bundle import", {}, bundle, { limits });
  expect(answer).toMatchObject({ ok: true, output: { outcome: "BUNDLE_ACCEPTED" } });
  await vault.until(() => vault.zone()?.bundle?.version === BigInt(version));
}

/** Looks again with every word of the zone: this test is not told of rows. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    const seen = vault.zone();
    await vault.until(() => vault.zone() !== seen);
  }
}

function expectSigned(task: Task & { readonly txid: string }, report: Report, by = wallet): readonly string[] {
  if (report.verdict.case !== "signed") throw new Error(JSON.stringify(report.verdict));
  const final = finalisePayout(task.psbt, report.verdict.value.psbt, by.descriptor);
  expect(final).toMatchObject({ ok: true, value: { txid: task.txid } });
  expect(report.transactionId).toBe(task.txid);
  return report.verdict.value.holders;
}

async function rowsOf(sql: string, ...values: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  return (await pool.query(sql, [...values])).rows;
}

/** Whom the zone asked for this one, and what they said. */
const answersOf = ({ taskId }: Task) =>
  rowsOf("select holder, answer from holder_order where task_id = $1 order by holder", taskId);

let counted = 0;
/** Of a withdrawal that no other test has, unless told otherwise. */
const task = (parts: Parameters<typeof makeTask>[2] = {}) => {
  counted += 1;
  return makeTask(seals, wallet, { requests: [request(`other-${counted}`)], ...parts });
};
const refusedFor = (report: Report) => {
  if (report.verdict.case !== "refused") throw new Error(JSON.stringify(report.verdict));
  const { findings, signatureMayExist } = report.verdict.value;
  return { rules: findings.map(({ withdrawalId, finding }) => [withdrawalId, finding.rule]), signatureMayExist };
};

describe("the zone", () => {
  test("signs what is good, refuses what is not, pays once, and numbers its reports without a gap", async () => {
    await serving(HOLDERS);
    const earlier = vault.reports().length;
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
    expect(vault.reports()).toHaveLength(earlier + 5);
    expect(vault.reports().map(({ number }) => number)).toEqual(vault.reports().map((_, at) => BigInt(at + 1)));
    expect(await rowsOf("select count(*) from payment where withdrawal_id = 'w1'")).toEqual([{ count: 1n }]);
  }, 120_000);

  test("knows two wallets apart: by their keys, their coins, their addresses and their windows", async () => {
    await serving(HOLDERS);
    // The fourth transaction of a wallet within the hour, of those that are made here, has to wait.
    const [{ count } = {}] = await rowsOf(
      "select count(distinct coalesce(anchor, txid)) from outflow where wallet_id = 'hot'",
    );
    await bringIntoForce({ walletWindows: [{ windowMs: 3_600_000, maxCount: 3 + Number(count) }] });
    const of = (from: typeof wallet, parts: Parameters<typeof makeTask>[2]) => makeTask(seals, from, parts);
    const [one, two] = [
      of(wallet, { requests: [request("wallets-1")] }),
      of(second, { requests: [request("wallets-2")] }),
    ];
    for (const each of [one, two]) await vault.send(each);
    expect(expectSigned(one, await vault.verdict(one, "signed"))).toHaveLength(2);
    expect(expectSigned(two, await vault.verdict(two, "signed"), second)).toHaveLength(2);

    const coins = [fund(wallet), fund(wallet, 90_000n, 5)];
    const mixed = of(wallet, { requests: [request("wallets-3")], coins });
    const change = deriveScript(second.descriptor, 1, 7).address;
    const into = [
      { address: DESTINATION, amountSat: 100_000n },
      { address: change, amountSat: 200_000n },
    ];
    const attacks: readonly (readonly [Task, string])[] = [
      [{ ...of(second, { requests: [request("wallets-3")] }), walletId: "hot" }, "INPUT_DERIVATION_PATH"],
      [{ ...of(wallet, { requests: [request("wallets-3")] }), walletId: "hot-3" }, "WALLET_UNKNOWN"],
      [withInputOf(mixed, { wallet, coin: coins[1] as Coin }, second), "INPUT_NOT_OWN"],
      [of(wallet, { requests: [request("wallets-3")], pays: into }), "PAYMENT_UNMATCHED"],
      [of(wallet, { requests: [request("wallets-3", { address: change })] }), "PAYMENT_TO_OWN_WALLET"],
      // The other wallet pays it already.
      [of(wallet, { requests: [request("wallets-2")] }), "ALREADY_PAID"],
    ];
    for (const [at, [attack, code]] of attacks.entries()) {
      const sent = { ...attack, taskId: `attack-${at}` };
      await vault.send(sent);
      const { rules, signatureMayExist } = refusedFor(await vault.verdict(sent, "refused"));
      expect([rules.map(([, rule]) => rule), signatureMayExist]).toEqual([[code], false]);
    }

    for (const [at, from] of [wallet, wallet, second].entries()) {
      const more = of(from, { requests: [request(`wallets-more-${at}`)] });
      await vault.send(more);
      expectSigned(more, await vault.verdict(more, "signed"), from);
    }
    const fourth = of(wallet, { requests: [request("wallets-4")] });
    await vault.send(fourth);
    expect((await vault.verdict(fourth, "delayed")).verdict).toMatchObject({
      value: { findings: [{ finding: { rule: "WALLET_OUTFLOW" } }] },
    });
    const third = of(second, { requests: [request("wallets-5")] });
    await vault.send(third);
    expectSigned(third, await vault.verdict(third, "signed"), second);
    // What waits is judged by the next bundle at once.
    await bringIntoForce({});
    expectSigned(fourth, await vault.verdict(fourth, "signed"));
  }, 120_000);

  test("has no IP socket while it signs, by the kernel's own tables", async () => {
    await serving(HOLDERS);
    const good = task();
    await vault.send(good);
    expectSigned(good, await vault.verdict(good, "signed"));
    expect(vault.zone()?.isolation.noIp).toBe(WITHOUT_NETWORK !== undefined);
    for (const { child } of [risk, ...HOLDERS.map(processOf)]) {
      for (const table of WITHOUT_NETWORK === undefined ? [] : ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"]) {
        const rows = readFileSync(`/proc/${child.pid}/net/${table}`, "utf8").trim().split("\n").slice(1);
        expect([table, rows]).toEqual([table, []]);
      }
    }
  }, 120_000);

  test("signs with any two of its holders", async () => {
    await serving(HOLDERS);
    for (const missing of HOLDERS) {
      const two = HOLDERS.filter((name) => name !== missing);
      await serving(two);
      const good = task();
      await vault.send(good);
      expect(expectSigned(good, await vault.verdict(good, "signed"))).toEqual(two);
    }
  }, 120_000);

  test("waits in a state that a person can read while one holder is there, and goes on when a second is back", async () => {
    await serving([A]);
    const waiting = task();
    await vault.send(waiting);
    const delayed = await vault.verdict(waiting, "delayed");
    expect(delayed.verdict).toMatchObject({
      value: { findings: [{ withdrawalId: "", finding: { rule: "HOLDERS_UNAVAILABLE", verdict: "delay" } }] },
    });
    expect(await answersOf(waiting)).toEqual([]);
    start(B);
    expect(expectSigned(waiting, await vault.verdict(waiting, "signed"))).toEqual([A, B]);
    const reports = vault.reports().filter(({ taskId }) => taskId === waiting.taskId);
    expect(reports.map(({ verdict }) => verdict.case)).toEqual(["delayed", "signed"]);
  }, 120_000);

  test("asks no holder that is locked, and goes on when its custodians have come", async () => {
    await serving([A, B]);
    expect(await callConsole(zone.consoleOf(B), "lock")).toMatchObject({ ok: true });
    await live([A]);
    const waiting = task();
    await vault.send(waiting);
    const { verdict } = await vault.verdict(waiting, "delayed");
    expect(verdict).toMatchObject({ value: { findings: [{ finding: { rule: "HOLDERS_UNAVAILABLE" } }] } });
    expect(await answersOf(waiting)).toEqual([]);
    await held.unlock(B, zone.consoleOf(B));
    expect(expectSigned(waiting, await vault.verdict(waiting, "signed"))).toEqual([A, B]);
  }, 120_000);

  test("does not count it against a holder that it was locked when its order came", async () => {
    await serving([A, B]);
    processOf(B).child.kill("SIGSTOP");
    const asked = task();
    await vault.send(asked);
    await eventually(async () => (await answersOf(asked)).filter(({ answer }) => answer !== null).length === 1);
    await processOf(B).kill();
    // It comes back locked, and the order that it had not taken comes again over the bridge.
    const back = start(B, NO_SETTINGS, false);
    await back.says("an order was answered");
    expect(JSON.stringify(back.lines)).toContain("HOLDER_LOCKED");
    await held.unlock(B, zone.consoleOf(B));
    expect(expectSigned(asked, await vault.verdict(asked, "signed"))).toEqual([A, B]);
  }, 120_000);

  test("passes over a holder that hangs, and records its late answer", async () => {
    await serving(HOLDERS);
    const earlier = vault.reports().length;
    const hanging = processOf(A).child;
    hanging.kill("SIGSTOP");
    const good = task();
    await vault.send(good);
    expect(expectSigned(good, await vault.verdict(good, "signed"))).toEqual([B, C]);
    hanging.kill("SIGCONT");
    // Every report of the zone is a moment later than the one before.
    await eventually(async () => (await answersOf(good))[0]?.["answer"] !== null);
    expect(await answersOf(good)).toEqual([
      { holder: A, answer: "signatures" },
      { holder: B, answer: "signatures" },
      { holder: C, answer: "signatures" },
    ]);
    expect(vault.reports()).toHaveLength(earlier + 1);
  }, 120_000);

  test("delays what is over a limit until the window is free, then signs it by itself", async () => {
    await serving(HOLDERS);
    await bringIntoForce({ accountWindows: [{ windowMs: 6_000, maxCount: 1 }] });
    const first = task({ requests: [request("velocity-1", { account: "carol" })] });
    await vault.send(first);
    await vault.verdict(first, "signed");
    const second = task({ requests: [request("velocity-2", { account: "carol", address: DESTINATION })] });
    await vault.send(second);
    expect((await vault.verdict(second, "delayed")).verdict).toMatchObject({
      value: { findings: [{ withdrawalId: "velocity-2", finding: { rule: "ACCOUNT_VELOCITY" } }] },
    });
    expectSigned(second, await vault.verdict(second, "signed"));
    await bringIntoForce({});
  }, 120_000);

  test("drops what vault did not seal, and says nothing about it", async () => {
    await serving(HOLDERS);
    const earlier = vault.reports().length;
    const forged = task();
    const { taskId: id, walletId: key } = forged;
    const stranger = makeSeals().sealer("vault");
    const outgoing = { id, key, occurredAtMs: Date.now(), message: asMessage(forged) };
    await vault.bridge.send(seal(stranger, "signing.requested.v1", outgoing));
    await vault.bridge.send(Buffer.from("no envelope"));
    const good = task();
    await vault.send(good);
    expectSigned(good, await vault.verdict(good, "signed"));
    expect(vault.reports()).toHaveLength(earlier + 1);
  }, 120_000);

  test("when two holders refuse says so, and the withdrawal is paid with other coins", async () => {
    await serving([B, C], { [B]: STRICT, [C]: STRICT });
    const requests = [request("refused-by-two")];
    const dear = task({ requests, feeRateSatPerVbyte: 12 });
    await vault.send(dear);
    const refusal = refusedFor(await vault.verdict(dear, "refused"));
    expect(refusal).toEqual({
      rules: [
        ["", "FEE_OVER_CAP"],
        ["", "FEE_OVER_CAP"],
      ],
      signatureMayExist: false,
    });
    const cheap = task({ requests, feeRateSatPerVbyte: 2 });
    await vault.send(cheap);
    expectSigned(cheap, await vault.verdict(cheap, "signed"));
  }, 120_000);

  test("keeps everything for a person when two refuse after the third has signed", async () => {
    await serving(HOLDERS, { [B]: STRICT, [C]: STRICT });
    const requests = [request("signed-by-one", { amount: "150001" })];
    const good = task({ requests });
    await vault.send(good);
    const { rules, signatureMayExist } = refusedFor(await vault.verdict(good, "refused"));
    expect([rules.map(([, rule]) => rule), signatureMayExist]).toEqual([
      ["PAYMENT_OVER_CAP", "PAYMENT_OVER_CAP"],
      true,
    ]);
    const other = task({ requests });
    await vault.send(other);
    expect(refusedFor(await vault.verdict(other, "refused")).rules.map(([, rule]) => rule)).toEqual(["ALREADY_PAID"]);
  }, 120_000);
});
