// Vault is killed between every two durable steps; the next process finishes. Nothing is lost, nothing is paid twice.
import { describe, expect, it } from "vitest";
import type { VaultCrashPoint } from "../src/crash-point.ts";
import { fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld, type World } from "./support/world.ts";
import { type Decide, openZone, refused, signed, withdrawalsOf } from "./support/zone.ts";

const POINTS: readonly (readonly [VaultCrashPoint, number])[] = [
  ["before-plan-commit", 1],
  ["after-plan-commit", 1],
  ["before-send", 1],
  ["after-send", 1],
  ["after-sent-commit", 1],
  // The first verdict is a refusal, the second a signature: each side of both commits.
  ["before-report-commit", 1],
  ["after-report-commit", 1],
  ["before-report-commit", 2],
  ["after-report-commit", 2],
];
const AT_ONCE = 3;

describe("a crash", () => {
  it("at any point changes nothing about who is paid", async () => {
    let killed = 0;
    for (let first = 0; first < POINTS.length; first += AT_ONCE) {
      const some = POINTS.slice(first, first + AT_ONCE).map(([point, occurrence]) => crashAt(point, occurrence));
      // All of them end before the test does, also when one has failed: what they started is ended with the test.
      for (const ended of await Promise.allSettled(some)) {
        if (ended.status === "rejected") throw ended.reason;
        if (ended.value === "SIGKILL") killed += 1;
      }
    }
    process.stdout.write(`${killed} of ${POINTS.length} processes were killed at their point\n`);
    expect(killed).toBe(POINTS.length);
  }, 240_000);
});

async function crashAt(point: VaultCrashPoint, occurrence: number): Promise<NodeJS.Signals | null> {
  const world = await createWorld({ SLUICE_BATCH_MAX_WITHDRAWALS: "2", SLUICE_BATCH_WAIT_MS: "60000" });
  const zone = openZone(world, refuseTheBad(world));
  await world.observe(fund(world.wallet, 1_000_000n));
  await world.observe(fund(world.wallet, 1_000_000n, 1));
  await world.clear({ id: "bad", amountSat: 100_000n });
  await world.clear({ id: "good", amountSat: 200_000n });
  // It waits for company: the companion of the refused one.
  await world.clear({ id: "late", amountSat: 300_000n });
  const first = spawnVault(world, `${point}/${occurrence}`);
  const { signal } = await first.ended;
  const second = spawnVault(world);
  await second.ready;
  await eventually(async () => {
    const { rows } = await world.vault.query("select id, state, attempt from withdrawal order by id");
    expect(rows, point).toMatchObject([
      { id: "bad", state: "refused" },
      { id: "good", state: "signed" },
      { id: "late", state: "signed" },
    ]);
  }, 60_000);
  await eventually(() => {
    const paid = world.heard("transaction.signed.v1").flatMap(({ message }) => message.payouts);
    expect(paid.map(({ withdrawalId }) => withdrawalId).toSorted()).toEqual(["good", "late"]);
  });
  await eventually(async () => {
    expect((await world.vault.query("select from outbox where published_at is null")).rowCount).toBe(0);
  });
  const { rows: dead } = await world.vault.query(
    "select code from dead_letter union all select code from parked_report",
  );
  expect(dead).toEqual([]);
  expect(zone.faults).toEqual([]);
  // Every attempt that the zone saw was one task, asked for as often as it took.
  const attempts = new Map<string, Set<string>>();
  for (const task of zone.requests) {
    for (const { withdrawalId, attempt } of withdrawalsOf(world, task)) {
      const key = `${withdrawalId}/${attempt}`;
      attempts.set(key, (attempts.get(key) ?? new Set()).add(task.taskId));
    }
  }
  expect([...attempts.values()].every((tasks) => tasks.size === 1)).toBe(true);
  second.kill("SIGTERM");
  expect(await second.ended).toEqual({ code: 0, signal: null });
  return signal;
}

function refuseTheBad(world: World): Decide {
  return (task) => {
    const bad = withdrawalsOf(world, task).some(({ withdrawalId }) => withdrawalId === "bad");
    return bad ? refused([["bad", "LABELLED"]]) : signed(world, task);
  };
}
