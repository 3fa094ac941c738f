// Vault killed before and after each of its durable effects, by name, one after the other in one world: whoever was cleared is
// paid once, each payout in one task that the zone saw, and nothing is left reserved.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { decode, fund } from "./support/holders.ts";
import { eventually, spawnVault, type VaultProcess } from "./support/process.ts";
import { createWorld, type World } from "./support/world.ts";
import {
  createZoneMemory,
  openZone,
  refused,
  signed,
  type Task,
  type Verdict,
  withdrawalsOf,
  type Zone,
  zoneNews,
} from "./support/zone.ts";

const COINS = 28;
const LARGE_SAT = 900_000_000n;
const FOREIGN = "ef".repeat(32);

test("whichever effect it dies at, everybody who was cleared is paid once and nothing is left over", async () => {
  const { world, zone, cleared, freed, reached, live } = await openWorld();
  const killed = await walkPoints(pointsAround(EFFECTS), reached, live);
  const last = spawnVault(world, crashArming(reached));
  await last.ready;
  await world.observe(fund(world.wallet, 2n * LARGE_SAT, 1));
  await eventually(async () => {
    const { rows } = await world.vault.query<{ id: string; state: string }>("select id, state from withdrawal");
    expect(rows.filter(({ state }) => state !== "signed")).toEqual([]);
    expect(rows.map(({ id }) => id).toSorted()).toEqual(cleared.toSorted());
  });
  await expectEachInOneTask(world, zone, cleared, freed);
  await expectSaidOnce(world);
  await expectNothingLeft(world, last);
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const common = COMMON_EFFECTS.filter((effect) => !EFFECTS.some((own) => own === effect));
  expect(reachedPoints(reached, common)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`vault: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);

async function openWorld() {
  const world = await createWorld({
    ...{ SLUICE_REFILL_PAUSE_MS: "50", SLUICE_BUMP_PAUSE_MS: "50" },
    ...{ SLUICE_CONSOLIDATE_COINS: "0", SLUICE_KEEP_FREE_COINS: "0" },
  });
  const folder = mkdtempSync(join(tmpdir(), "vault-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const bundles = join(folder, "bundles");
  mkdirSync(bundles);
  writeFileSync(join(bundles, "1.bundle"), "sealed by people");
  const doubts = new Map<string, Doubt>();
  const freed = new Set<string>();
  const decide = (task: Task): Verdict => {
    const verdict = doubtOf(world, task, doubts) ?? signed(world, task);
    if (verdict.case === "refused" && !verdict.value.signatureMayExist) freed.add(task.taskId);
    return verdict;
  };
  const zone = openZone(world, decide, createZoneMemory());
  const cleared: string[] = [];
  const reached = join(folder, "reached");
  // Somebody else's, handed on again with every connection.
  await world.tell("suspension.changed.v1", "online-risk", "s1/suspended", {
    ...{ suspensionId: "s1", kind: "account", values: ["mallory"], isStanding: true, changedAtMs: 1 },
  });
  for (let coin = 0; coin < COINS; coin += 1) await world.observe(fund(world.wallet, 1_000_000n, coin));
  const clear = async (amountSat: bigint): Promise<void> => {
    const id = `w-${cleared.length}`;
    cleared.push(id);
    await world.clear({ id, amountSat });
  };
  return {
    ...{ world, zone, cleared, freed, reached },
    live: async (point: string, flags: readonly string[]) => {
      // What was planned and never left, so that there is something to give up.
      if (point === "before recall/recall run") await die(PLANNED, crashArming(reached, PLANNED));
      return die(point, flags);
    },
  };

  async function die(point: string, flags: readonly string[]): Promise<string | null> {
    const env = { ...world.env, ...SETTINGS[effectOf(point)], SLUICE_BUNDLE_DIRECTORY: bundles };
    await PREPARE[effectOf(point)]?.(world);
    const vault = spawnVault({ env }, flags);
    vault.ready.catch(() => undefined);
    if (point.endsWith("refill")) await clear(LARGE_SAT);
    const doubt = DOUBTS[point];
    if (doubt !== undefined) doubts.set(`w-${cleared.length}`, doubt);
    await clear(50_000n);
    await HAPPEN[effectOf(point)]?.(world, zone, vault, point);
    const { signal } = await vault.ended;
    await CLEAN_UP[effectOf(point)]?.(world);
    return signal;
  }
}

const PLANNED = "after vault/planner plan";

const effectOf = (point: string): string => point.replace(/^(before|after) /, "");

type By<T> = Readonly<Record<string, T>>;

const RECOVERING = (world: World) =>
  world.vault.query("update high_water set recovering_to = mark, marked_at = now() - interval '1 hour'");

/** What is so before the process starts. */
const PREPARE: By<(world: World) => Promise<unknown>> = {
  "vault/planner tidy": (world) =>
    world.vault.query(
      `insert into fee_hour select date_trunc('hour', now()) - n * interval '1 hour', 9000 from generate_series(1, 24) n
       on conflict do nothing`,
    ),
  "vault/tasks postponeSending": async (world) => {
    await world.vault.query(
      `create or replace function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$`,
    );
    await world.vault.query(
      `create or replace trigger refuse before insert on outbox for each row when (new.topic = 'signing.started.v1')
       execute function refuse()`,
    );
  },
  "recall/recall adopt": RECOVERING,
  "recall/recall run over the bridge": RECOVERING,
  "recall/recall run": RECOVERING,
};

const CLEAN_UP: By<(world: World) => Promise<unknown>> = {
  "vault/tasks postponeSending": (world) => world.vault.query("drop trigger refuse on outbox"),
};

const SETTINGS: By<Readonly<Record<string, string>>> = {
  // Every coin is small, and fees are as low as they were: two are made one.
  "vault/planner tidy": {
    SLUICE_CONSOLIDATE_COINS: "2",
    SLUICE_CONSOLIDATE_BELOW_PERCENT: "100",
    SLUICE_SMALL_COIN_SAT: "2000000",
    SLUICE_TIDY_EVERY_MS: "50",
  },
};

type Doubt = { readonly attempts: number; readonly verdict: Verdict };

/** What the zone answers, for so many attempts, about the withdrawal that is cleared in the life that is to reach this point. */
const DOUBTS: By<Doubt> = {
  "before vault-desk/routes planTaskAgain": { attempts: 1, verdict: refused([["", "HOLDERS_SILENT"]], true) },
  "before vault-desk/routes planWithdrawalAgain": { attempts: 20, verdict: refused([["", "FEE_TOO_LOW"]]) },
};

function doubtOf(world: World, task: Task, doubts: ReadonlyMap<string, Doubt>): Verdict | undefined {
  const found = withdrawalsOf(world, task).map(({ withdrawalId, attempt }) => {
    const doubt = doubts.get(withdrawalId);
    return doubt !== undefined && attempt <= doubt.attempts ? doubt.verdict : undefined;
  });
  return found.find((verdict) => verdict !== undefined);
}

/** What happens while the process runs, beside a withdrawal. */
const HAPPEN: By<(world: World, zone: Zone, vault: VaultProcess, point: string) => Promise<unknown>> = {
  "wallet-memory/parked-reports parkReport": async (_, zone) => void zone.send(Buffer.from("junk")).catch(() => {}),
  "zone-news/zone-news hear": async (world, zone) =>
    void zone.send(zoneNews(world.sealers["semi-offline-risk"], 1, true)).catch(() => {}),
  "vault/bumper round": async (world, _zone, _vault, point) => {
    // Said once: what was not done about it before is still to be done after.
    if (point.startsWith("after")) return;
    const { transactionId } = newestPayout(world);
    await world.tell("transaction.stuck.v1", "blockchain-gateway", `${transactionId}/stuck/1`, {
      ...{ transactionId, withdrawals: [], sinceMs: 1, code: "FEE_TOO_LOW", descendants: 0, revision: 1 },
      ...{ wantedSatPerKvbyte: 20_000n, replacementFeeSat: 1_000n },
    });
  },
  "wallet-memory/lanes reopenLane": async (world, _, vault) => {
    const { transactionId } = newestPayout(world);
    await world.tell("transaction.conflicted.v1", "blockchain-gateway", `${transactionId}/conflicted/1`, {
      ...{ transactionId, withdrawals: [], outpoint: `${"ab".repeat(32)}:0`, own: false, revision: 1 },
      ...{ conflictingTransactionId: FOREIGN, blockHash: "", height: 0, confirmations: 0 },
    });
    await eventually(async () => expect((await world.vault.query("select from stopped_lane")).rowCount).toBe(1));
    await vault.ready;
    await vault.postJson("/lanes/hot-1/reopen", { transactionId: FOREIGN, by: "carol" }).catch(() => undefined);
  },
  "vault-desk/routes planTaskAgain": (world, _, vault) =>
    planAgain(world, vault, "tasks", "select id from task where state = 'stuck_for_person'"),
  "vault-desk/routes planWithdrawalAgain": async (world, _zone, vault, point) => {
    // Refused alone once, and then as if that had gone on for two hours: the next refusal is the last one.
    // Whatever was in the same transaction is planned alone and signed.
    const oftenRefused = `update withdrawal set attempt = 19, plan_after = now() where state = 'cleared' and alone
      and id = (select id from withdrawal order by substr(id, 3)::integer desc limit 1)`;
    if (point.startsWith("before")) {
      await eventually(async () => expect((await world.vault.query(oftenRefused)).rowCount).toBe(1));
    }
    const waiting = "select id from withdrawal where state = 'cleared' and plan_after = 'infinity'";
    await planAgain(world, vault, "withdrawals", waiting);
  },
};

/** A person says it of the one that waits, and may never hear whether that is kept. */
async function planAgain(world: World, vault: VaultProcess, of: "tasks" | "withdrawals", waiting: string) {
  const ids = async () => (await world.vault.query<{ id: string }>(waiting)).rows.map(({ id }) => id);
  await eventually(async () => expect(await ids()).toHaveLength(1));
  const [id = ""] = await ids();
  await vault.ready;
  const said = { by: "carol", reason: "nobody has signed it" };
  await vault.postJson(`/${of}/${encodeURIComponent(id)}/plan-again`, said).catch(() => undefined);
}

function newestPayout(world: World) {
  const payout = world.heard("transaction.signed.v1").findLast(({ message }) => message.payouts.length > 0);
  if (payout === undefined) throw new Error("nothing was signed so far");
  return payout.message;
}

/** What a person said, and said again because nobody had heard it, is kept once. */
async function expectSaidOnce(world: World): Promise<void> {
  const { rows } = await world.vault.query("select code, said_by as by from task_decision order by code");
  expect(rows).toEqual([
    { code: "REFUSED_TOO_OFTEN", by: "carol" },
    { code: "SIGNATURE_MAY_EXIST", by: "carol" },
  ]);
}

/**
 * Every attempt is one task however often it was asked for; no two payouts share a coin; each is told of once.
 * @param freed tasks that were refused with the word that nobody signed them: their coins are anybody's
 */
async function expectEachInOneTask(
  world: World,
  zone: Zone,
  cleared: readonly string[],
  freed: ReadonlySet<string>,
): Promise<void> {
  expect(zone.faults).toEqual([]);
  const tasks = new Map<string, Set<string>>();
  const payouts = new Map<string, Set<string>>();
  for (const task of zone.requests) {
    const paid = withdrawalsOf(world, task);
    for (const { withdrawalId, attempt } of paid) {
      const key = `${withdrawalId}/${attempt}`;
      tasks.set(key, (tasks.get(key) ?? new Set()).add(task.taskId));
    }
    const payout = paid.map(({ withdrawalId }) => withdrawalId).join() || task.taskId;
    if (freed.has(task.taskId)) continue;
    for (const { outpoint } of decode(world.wallet, task.psbt).inputs)
      payouts.set(outpoint, (payouts.get(outpoint) ?? new Set()).add(payout));
  }
  expect([...tasks].filter(([, ids]) => ids.size > 1)).toEqual([]);
  expect([...payouts].filter(([, ids]) => ids.size > 1)).toEqual([]);
  await eventually(() => {
    const paid = world.heard("transaction.signed.v1").flatMap(({ message }) => message.payouts);
    expect([...new Set(paid.map(({ withdrawalId }) => withdrawalId))].toSorted()).toEqual(cleared.toSorted());
    // Paid again only in another version of the same payout, which conflicts with the one that it replaces.
    const signed = world.heard("transaction.signed.v1").map(({ message }) => message);
    const first = signed.filter(({ replaces = "" }) => replaces === "").flatMap(({ payouts }) => payouts);
    expect(first.map(({ withdrawalId }) => withdrawalId).toSorted()).toEqual(cleared.toSorted());
  });
}

/** Once the newest version of everything is confirmed. */
async function expectNothingLeft(world: World, vault: VaultProcess): Promise<void> {
  const signed = world.heard("transaction.signed.v1").map(({ message }) => message);
  const replaced = new Set(signed.map(({ replaces }) => replaces));
  for (const { transactionId } of signed.filter((one) => !replaced.has(one.transactionId))) {
    await world.tell("transaction.confirmed.v1", "blockchain-gateway", `${transactionId}/confirmed`, {
      ...{ transactionId, withdrawals: [], blockHash: "ab".repeat(32), height: 120, confirmations: 6, revision: 9 },
    });
  }
  const left = async (sql: string) => (await world.vault.query(`select ${sql}`)).rows;
  await eventually(async () => {
    expect(await left("from reservation")).toEqual([]);
    expect(await left("from outbox where published_at is null")).toEqual([]);
  });
  expect(await left("code from dead_letter")).toEqual([]);
  expect(await left("code from parked_report")).toMatchObject([{ code: expect.any(String) }]);
  expect(await left("from stopped_lane")).toEqual([]);
  expect(await left("recovering_to from high_water")).toEqual([{ recovering_to: null }]);
  const refills = world.heard("refill.requested.v1").map(({ message }) => message.revision);
  expect(refills).toEqual(refills.map((_, at) => at + 1));
  vault.kill("SIGTERM");
  expect(await vault.ended).toEqual({ code: 0, signal: null });
}
