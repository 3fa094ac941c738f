// A zone that stands still stops the planning: what it cannot take stays cleared, with its reason, and goes on afterwards.
import { expect, it } from "vitest";
import { fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld, type World } from "./support/world.ts";
import { createZoneMemory, delayed, openZone, signed, type Task, type Verdict } from "./support/zone.ts";

const WITHDRAWALS = 24;
const OPEN_AT_MOST = 3;

it("plans no more than so many tasks while no holder signs, and pays all once they do", async () => {
  const world = await createWorld({
    SLUICE_OPEN_TASKS_MAX: String(OPEN_AT_MOST),
    SLUICE_BATCH_MAX_WITHDRAWALS: "2",
    SLUICE_BATCH_WAIT_MS: "20",
    SLUICE_ASK_AGAIN_MS: "100",
  });
  let holders: "silent" | "missing" | "signing" = "silent";
  const decide = (task: Task): Verdict | null => {
    if (holders === "signing") return signed(world, task);
    // As the zone says it when fewer than two holders are there: a short delay, which is no reason to plan more.
    return holders === "missing" ? delayed(Date.now() + 1_000) : null;
  };
  const zone = openZone(world, decide, createZoneMemory());
  const vault = spawnVault(world);
  await vault.ready;
  for (let coin = 0; coin < WITHDRAWALS; coin += 1) await world.observe(fund(world.wallet, 400_000n, coin));
  for (let number = 0; number < WITHDRAWALS; number += 1) await world.clear({ id: `w-${number}`, amountSat: 100_000n });

  await eventually(async () => expect(await statesOf(world)).toMatchObject({ known: WITHDRAWALS, open: OPEN_AT_MOST }));
  const askedBefore = zone.requests.length;
  // It has looked again many times since, and asked again, and still planned nothing.
  await eventually(() => expect(zone.requests.length).toBeGreaterThan(askedBefore + OPEN_AT_MOST));
  const stopped = await statesOf(world);
  expect(stopped).toMatchObject({ tasks: OPEN_AT_MOST, open: OPEN_AT_MOST });
  expect(stopped.cleared).toBe(WITHDRAWALS - stopped.planned);
  expect(stopped.planned).toBeLessThanOrEqual(2 * OPEN_AT_MOST);
  expect(stopped.reserved).toBe(OPEN_AT_MOST);
  const metrics = await (await vault.get("/metrics")).text();
  expect(metrics).toMatch(/sluice_vault_waiting_withdrawals\{[^}]*code="ZONE_BUSY"[^}]*\} [1-9]/);

  holders = "missing";
  await eventually(async () => expect((await statesOf(world)).delayed).toBe(OPEN_AT_MOST));
  expect((await statesOf(world)).tasks).toBe(OPEN_AT_MOST);

  holders = "signing";
  const paid = () => world.heard("transaction.signed.v1").flatMap(({ message }) => message.payouts);
  await eventually(() => expect(paid()).toHaveLength(WITHDRAWALS), 50_000);
  expect(new Set(paid().map(({ withdrawalId }) => withdrawalId)).size).toBe(WITHDRAWALS);
  expect(zone.faults).toEqual([]);
  process.stdout.write(
    `back-pressure: ${stopped.tasks} of ${Math.ceil(WITHDRAWALS / 2)} tasks planned while no holder signed, ${stopped.cleared} withdrawals stayed cleared, all ${WITHDRAWALS} paid afterwards\n`,
  );
});

async function statesOf(world: World): Promise<{
  readonly known: number;
  readonly cleared: number;
  readonly planned: number;
  readonly tasks: number;
  readonly open: number;
  readonly delayed: number;
  readonly reserved: number;
}> {
  const { rows } = await world.vault.query<Record<string, bigint>>(
    `select (select count(*) from withdrawal) as known,
            (select count(*) from withdrawal where state = 'cleared') as cleared,
            (select count(*) from withdrawal where state = 'planned') as planned,
            (select count(*) from task) as tasks,
            (select count(*) from task where state in ('planned', 'submitted', 'delayed')) as open,
            (select count(*) from task where state = 'delayed') as delayed,
            (select count(distinct payout_id) from reservation) as reserved`,
  );
  const count = (name: string): number => Number(rows[0]?.[name] ?? 0n);
  return {
    known: count("known"),
    cleared: count("cleared"),
    planned: count("planned"),
    tasks: count("tasks"),
    open: count("open"),
    delayed: count("delayed"),
    reserved: count("reserved"),
  };
}
