// semi-offline-risk killed before and after each of its commits, by name, one after the other in one world: every task gets its
// one verdict, and every withdrawal its one payment, as if nothing had happened.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { finalisePayout } from "@sluice/chains";
import { callConsole } from "@sluice/console";
import { HOLDERS, seal } from "@sluice/contracts";
import { crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { createPool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { signDecision } from "@sluice/second-opinion";
import {
  fund,
  makeHeldWallet,
  makeOffice,
  makeSeals,
  makeTask,
  request,
  sealedBundle,
} from "@sluice/second-opinion/fixtures";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { type Process, prepareZone } from "./processes.ts";
import { openVault } from "./vault.ts";

const [A] = HOLDERS;
const LARGE = { delayAboveSat: "150000", delayMs: 3_600_000, releaseAboveSat: "300000" };

test("whichever commit it dies at, every task gets the verdict that it would have got", async () => {
  const world = await openWorld();
  const { vault, folder } = world;
  const reached = join(folder, "reached");
  const accepting = acceptJournals(world);
  const killed = await walkPoints(pointsAround(EFFECTS), reached, async (point, flags) => {
    if (point === "before holders/journal-watch hear") await accepting.setBack();
    const risk = world.startRisk(flags);
    if (point.includes("recall")) world.recall();
    world.giveWork(/governance|vetoed/.test(point));
    const { signal } = await risk.ended;
    await accepting.expectLeft(point);
    return signal;
  });
  world.startRisk(crashArming(reached));
  world.giveWork(true);
  await world.sent();
  for (const task of world.good) {
    const report = await vault.verdict(task, "signed");
    if (report.verdict.case !== "signed") throw new Error("not signed");
    const final = finalisePayout(task.psbt, report.verdict.value.psbt, world.wallet.descriptor);
    expect(final).toMatchObject({ ok: true, value: { txid: task.txid } });
  }
  for (const task of world.bad) await vault.verdict(task, "refused");
  const { rows } = await world.pool.query<{ txids: bigint; payments: bigint }>(
    "select count(*) as payments, count(distinct txid) as txids from payment",
  );
  expect(rows).toEqual([{ payments: BigInt(world.good.length), txids: BigInt(world.good.length) }]);
  const reports = vault.reports();
  expect(reports.map(({ number }) => number)).toEqual(reports.map((_, at) => BigInt(at + 1)));
  await expectRecalled(world);
  await accepting.expectOnce();
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  expect(reachedPoints(reached)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`semi-offline-risk: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 240_000);

type World = Awaited<ReturnType<typeof openWorld>>;

/** The zone's database goes back to before all that A has signed: its journal is too long, and a person has to say that it is right. */
function acceptJournals({ pool, zone, vault, good, startRisk }: World) {
  let forgotten = 0n;
  let isOver = false;
  const ofA = async () => {
    const { rows } = await pool.query<{ alarm: string; accepted: bigint }>(
      "select alarm, accepted_records as accepted from holder_journal where holder = $1",
      [A],
    );
    return rows[0];
  };
  /** For as long as the zone lives, since an order that was open when it was said may bring the next alarm. */
  const says = async (): Promise<void> => {
    for (; !isOver; await delay(200)) {
      if ((await ofA())?.alarm !== "ZONE_ROLLED_BACK") continue;
      const said = { holder: A, person: "carol" };
      await callConsole(zone.riskConsole, "journal accept", said).catch(() => undefined);
    }
  };
  let saying: Promise<void> = Promise.resolve();
  onTestFinished(async () => {
    isOver = true;
    await saying;
  });
  return {
    setBack: async () => {
      // All that there is to forget.
      const risk = startRisk([]);
      for (const task of good) await vault.verdict(task, "signed");
      await risk.kill();
      const { rowCount } = await pool.query(
        "delete from holder_order where holder = $1 and task_id in (select id from task where state = 'signed')",
        [A],
      );
      forgotten = BigInt(rowCount ?? 0);
      await pool.query("delete from holder_journal where holder = $1", [A]);
      saying = says().catch(() => undefined);
    },
    /** Not accepted until the commit, and from then on whoever comes next knows it. */
    expectLeft: async (point: string) => {
      if (!point.endsWith("journal-watch accept")) return;
      if (point.startsWith("before")) expect(await ofA()).toEqual({ alarm: "ZONE_ROLLED_BACK", accepted: 0n });
      else expect((await ofA())?.accepted).toBeGreaterThan(0n);
    },
    /** However often it was said: what may be unexplained is never more than what was forgotten. */
    expectOnce: async () => {
      const accepted = (await ofA())?.accepted ?? 0n;
      expect(accepted).toBeGreaterThan(0n);
      expect(accepted).toBeLessThanOrEqual(forgotten);
    },
  };
}

/** Vault asked twice, and the zone died once with one task handed over: each time it got all of them. */
async function expectRecalled({ vault, recalled, recall, tasks, good }: World): Promise<void> {
  const times = (taskId: string) =>
    vault.heard().filter(({ type, message }) => type === "signing.requested.v1" && message.taskId === taskId).length;
  const [first = "", ...others] = recalled();
  expect(others.length).toBeGreaterThan(20);
  expect(others.filter((taskId) => times(taskId) < 2)).toEqual([]);
  expect(times(first)).toBeGreaterThan(times(others.at(-1) ?? ""));
  // Whoever asks now gets each task as it came, and behind it its newest report.
  const before = vault.heard().length;
  await recall();
  const came = vault.heard().slice(before);
  const told = came.map(({ type, message: { taskId, ...message } }) => {
    return [taskId, type, "verdict" in message ? message.verdict.case : "as it came"];
  });
  const verdictOf = (taskId: string) => (good.some((task) => task.taskId === taskId) ? "signed" : "refused");
  const wanted = tasks.flatMap((taskId) => [
    [taskId, "signing.requested.v1", "as it came"],
    [taskId, "risk.reported.v1", verdictOf(taskId)],
  ]);
  expect(told).toEqual(wanted);
}

async function openWorld() {
  const seals = makeSeals();
  const office = makeOffice();
  const held = await makeHeldWallet();
  const { wallet } = held;
  const folder = mkdtempSync(join(tmpdir(), "zone-points-"));
  const database = await createTestDatabase(process.env["OFFLINE_DATABASE_URL"]);
  const pool = createPool({ url: database.url, applicationName: "zone-points-test" });
  const zone = prepareZone({ folder, seals, held, databaseUrl: database.url, office, policy: { large: LARGE } });
  const vault = openVault(seals, zone.vaultSocket);
  const running: Process[] = HOLDERS.map((holder) => zone.startHolder(holder));
  const sends: Promise<void>[] = [];
  const good: ReturnType<typeof paying>[] = [];
  const bad: ReturnType<typeof paying>[] = [];
  /** In the order in which they were sent. */
  const tasks: string[] = [];
  let recalled: readonly string[] = [];
  onTestFinished(async () => {
    await Promise.all(running.map(({ kill }) => kill()));
    await vault.bridge.close();
    await pool.end();
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  const untilRefused = async (task: { readonly taskId: string }, say: () => Promise<unknown>): Promise<void> => {
    const isRefused = () =>
      vault.reports().some(({ taskId, verdict }) => taskId === task.taskId && verdict.case === "refused");
    for (; !isRefused(); await delay(200)) await say().catch(() => undefined);
  };
  /** All of it is waited for at the end; when the test fails before, nobody does. */
  const given = (...work: readonly Promise<void>[]): void => {
    for (const each of work) each.catch(() => undefined);
    sends.push(...work);
  };
  const sendTwice = (task: ReturnType<typeof paying>): void => {
    tasks.push(task.taskId);
    given(vault.send(task), vault.send(task));
  };
  const recall = (): Promise<void> => {
    if (recalled.length === 0) recalled = [...tasks];
    const outgoing = { id: `recall/${Date.now()}`, key: "vault", occurredAtMs: Date.now(), message: { sinceMs: 0 } };
    const sent = vault.bridge.send(seal(seals.sealer("vault"), "recall.requested.v1", outgoing));
    given(sent);
    return sent;
  };
  /** Of somebody else. */
  const suspension = (number: number) =>
    seal(seals.sealer("online-risk"), "suspension.changed.v1", {
      ...{ id: `s${number}/suspended`, key: `s${number}`, occurredAtMs: 1 },
      message: { suspensionId: `s${number}`, kind: "account", values: ["mallory"], isStanding: true, changedAtMs: 1 },
    });
  let count = 0;
  const paying = (amount: string) => {
    count += 1;
    const coins = [fund(wallet, 1_000_000n, count % 20)];
    return makeTask(seals, wallet, { coins, requests: [request(`p${count}`, { amount })] });
  };
  return {
    ...{ zone, vault, folder, wallet, pool, good, bad, tasks, recall },
    recalled: () => recalled,
    startRisk: (flags: readonly string[]): Process => {
      const risk = zone.startRisk({}, flags);
      running.push(risk);
      return risk;
    },
    sent: () => Promise.all(sends),
    /** One to be signed; and where people are at work, one to be refused, two that they have to stop, and a bundle. */
    giveWork: (people: boolean): void => {
      given(vault.bridge.send(suspension(count)));
      if (!people) {
        const task = paying("100000");
        good.push(task);
        sendTwice(task);
        return;
      }
      const [signed, refused, vetoed, stopped] = [
        paying("100000"),
        paying("500001"),
        paying("200000"),
        paying("200000"),
      ];
      good.push(signed);
      bad.push(refused, vetoed, stopped);
      for (const task of [signed, refused, vetoed, stopped]) sendTwice(task);
      const bundle = sealedBundle(seals, office, { version: 2, policy: { large: LARGE } });
      const outgoing = { id: `bundle-${count}`, key: "bundle", occurredAtMs: Date.now(), message: { bundle } };
      given(vault.bridge.send(seal(seals.sealer("vault"), "bundle.offered.v1", outgoing)));
      const said = { kind: "veto", taskId: vetoed.taskId, transactionId: vetoed.txid, person: "carol" } as const;
      const { kind, ...input } = said;
      const ask = () => callConsole(zone.riskConsole, kind, input, signDecision(said, office.carol.privateKey));
      // The zone may not have it yet, or may die once it took effect and before it answers: both are said until that shows.
      given(untilRefused(vetoed, ask));
      // A holder's operator says no to what waits.
      const veto = () =>
        callConsole(zone.consoleOf(A), "veto", { taskId: stopped.taskId, person: "dave", reason: "no" });
      given(untilRefused(stopped, veto));
    },
  };
}
