// What the semi-offline zone decides, through the real bridge, and what vault makes of it.
import { describe, expect, it } from "vitest";
import { clearTogether } from "./support/clear-together.ts";
import { decode, fund, signWithTwo } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld, type World } from "./support/world.ts";
import { type Decide, delayed, openZone, refused, signed, type Task, withdrawalsOf } from "./support/zone.ts";

describe("a refusal", () => {
  it("ends the withdrawal that it is about; the companion is paid in a second attempt", async () => {
    const { world, zone } = await start((_, task) => {
      const ids = withdrawalsOf(world, task).map(({ withdrawalId }) => withdrawalId);
      return ids.includes("bad") ? refused([["bad", "DESTINATION_LABELLED"]]) : signed(world, task);
    });
    await clearTogether(world, BOTH);
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    expect(world.heard("transaction.signed.v1")[0]?.message.payouts).toMatchObject([
      { withdrawalId: "good", attempt: 2, amountSat: 200_000n },
    ]);
    await eventually(() => expect(world.heard("risk.reported.v1")).toHaveLength(2));
    expect(zone.requests.map((task) => withdrawalsOf(world, task))).toEqual([
      [
        { withdrawalId: "bad", attempt: 1 },
        { withdrawalId: "good", attempt: 1 },
      ],
      [{ withdrawalId: "good", attempt: 2 }],
    ]);
    expect(await states(world)).toEqual({ bad: "refused", good: "signed" });
  });

  it("that names nobody has each planned alone after a pause, so that one alone is to blame", async () => {
    const { world, zone } = await start((_, task) => {
      const ids = withdrawalsOf(world, task).map(({ withdrawalId }) => withdrawalId);
      return ids.includes("bad") ? refused([["", "CLEARANCE_UNREADABLE"]]) : signed(world, task);
    });
    await clearTogether(world, BOTH);
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    await eventually(async () => expect(await states(world)).toEqual({ bad: "cleared", good: "signed" }));
    const asked = zone.requests.map((task) => withdrawalsOf(world, task).map(({ withdrawalId }) => withdrawalId));
    expect(asked[0]).toEqual(["bad", "good"]);
    expect(asked.slice(1).every(({ length }) => length === 1)).toBe(true);
    expect(new Set(asked.slice(1).flat())).toEqual(new Set(["bad", "good"]));
    const { rows } = await world.vault.query("select waiting_code from withdrawal where id = 'bad'");
    expect(rows).toEqual([{ waiting_code: "CLEARANCE_UNREADABLE" }]);
  });

  it("with a signature that may exist keeps everything; what a person frees is paid from the same anchor", async () => {
    const { world, zone } = await start((asked, task) =>
      asked === 1 ? refused([["", "SILENT"]], true) : signed(world, task),
    );
    await clearTogether(world, BOTH);
    await eventually(async () => expect(await taskStates(world)).toEqual(["stuck_for_person SIGNATURE_MAY_EXIST"]));
    const { rows: reserved } = await world.vault.query<{ outpoint: string }>("select outpoint from reservation");
    expect(reserved).toHaveLength(1);
    expect(await states(world)).toEqual({ bad: "planned", good: "planned" });
    await eventually(() => expect(world.heard("risk.reported.v1")).toHaveLength(1));

    // A larger coin comes, and a person decides that both are to be tried again.
    await world.observe(fund(world.wallet, 9_000_000n));
    await world.vault.query("update task set state = 'refused'");
    await world.vault.query("update task_withdrawal set live = false");
    await world.vault.query("update task_input set payout_id = null");
    await world.vault.query("delete from reservation");
    await world.vault.query("update withdrawal set state = 'cleared'");
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    const { outpoint } = reserved[0] ?? { outpoint: "" };
    expect(zone.requests.map(({ psbt }) => decode(world.wallet, psbt).inputs[0]?.outpoint)).toEqual([
      outpoint,
      outpoint,
    ]);
  });
});

describe("a delay", () => {
  it("is kept; when it is over the task is asked for again and signed", async () => {
    const untilMs = Date.now() + 2_500;
    const { world, zone } = await start((asked, task) => (asked === 1 ? delayed(untilMs) : signed(world, task)));
    await clearTogether(world, BOTH);
    await eventually(async () => expect(await taskStates(world)).toEqual(["delayed null"]));
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    expect(Date.now()).toBeGreaterThanOrEqual(untilMs);
    expect(new Set(zone.requests.map(({ taskId }) => taskId)).size).toBe(1);
    expect(world.heard("risk.reported.v1").map(({ message }) => message.verdict.case)).toEqual(["delayed", "signed"]);
  });

  it("of a month keeps its coins from everybody else, and ends when a person has released it, before its time", async () => {
    const untilMs = Date.now() + 30 * 24 * 60 * 60 * 1_000;
    const { world, zone } = await start((_, task) => {
      const ids = withdrawalsOf(world, task).map(({ withdrawalId }) => withdrawalId);
      return ids.includes("later") ? signed(world, task) : delayed(untilMs);
    });
    await clearTogether(world, BOTH);
    await eventually(async () => expect(await taskStates(world)).toEqual(["delayed null"]));
    const [waiting] = zone.requests;
    if (waiting === undefined) throw new Error("nothing was asked");
    const spentBy = ({ psbt }: Task) => decode(world.wallet, psbt).inputs.map(({ outpoint }) => outpoint);
    await clearTogether(world, [{ id: "later", amountSat: 50_000n }], fund(world.wallet, 9_000_000n));
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    const later = zone.requests.find((task) => task.taskId !== waiting.taskId);
    expect(later).toBeDefined();
    if (later !== undefined) expect(spentBy(later).filter((coin) => spentBy(waiting).includes(coin))).toEqual([]);
    expect(zone.requests.filter(({ taskId }) => taskId === waiting.taskId)).toHaveLength(1);

    await zone.report(waiting, signed(world, waiting));
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(2));
  });
});

describe("a report that is not to be believed", () => {
  it("is an alarm when it holds another transaction than the planned one; nobody hears of it", async () => {
    const { world, tasks } = await startSilent();
    const [first, second] = await tasks(2);
    const swapped = { case: "signed", value: { psbt: signWithTwo(world.wallet, second.psbt), holders: [] } } as const;
    await tasks.zone.report(first, swapped);
    const [, ...unsigned] = await taskStates(world);
    expect(await taskStates(world)).toContain("stuck_for_person SIGNED_OTHER_TRANSACTION");
    expect(unsigned).toHaveLength(1);
    await tasks.zone.report(second, { case: "signed", value: { psbt: second.psbt, holders: [] } });
    expect(await taskStates(world)).toContain("stuck_for_person SIGNATURES_TOO_FEW");
    expect(tasks.vault.log.filter(({ msg }) => msg.startsWith("ALARM"))).toHaveLength(2);
    expect(
      (await world.vault.query("select from outbox where topic in ('risk.reported.v1', 'transaction.signed.v1')"))
        .rowCount,
    ).toBe(0);
    expect((await world.vault.query("select from reservation")).rowCount).toBe(2);
  });

  it("is parked when another key sealed it, or it is about no task of ours; the true one still takes effect", async () => {
    const { world, tasks } = await startSilent();
    const [task] = await tasks(1);
    const verdict = signed(world, task);
    const stranger = { ...world.sealers["semi-offline-risk"], privateKey: world.sealers.vault.privateKey };
    await tasks.zone.report(task, verdict, { sealer: stranger });
    await tasks.zone.report(task, verdict, { message: { taskId: "nobody-planned-this" } });
    await tasks.zone.send(Buffer.from("these bytes are no envelope"));
    const parked = await world.vault.query<{ code: string }>("select code from parked_report order by id");
    expect(parked.rows.map(({ code }) => code)).toEqual(["SEAL_INVALID", "TASK_UNKNOWN", "ENVELOPE_MALFORMED"]);
    const shown = (await (await tasks.vault.get("/tasks")).json()) as { parkedReports: readonly unknown[] };
    expect(shown.parkedReports).toHaveLength(3);
    expect(await taskStates(world)).toEqual(["submitted null"]);

    await tasks.zone.report(task, verdict);
    expect(await taskStates(world)).toEqual(["signed null"]);
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    await eventually(() => expect(world.heard("risk.reported.v1")).toHaveLength(1));
  });
});

const BOTH = [
  { id: "bad", amountSat: 100_000n },
  { id: "good", amountSat: 200_000n },
];

/** Vault without a coin and a zone that decides by how many tasks it has decided before. */
async function start(decide: (asked: number, task: Task) => ReturnType<Decide>) {
  const world = await createWorld();
  let asked = 0;
  const zone = openZone(world, (task) => {
    asked += 1;
    return decide(asked, task);
  });
  const vault = spawnVault(world);
  await vault.ready;
  return { world, zone, vault };
}

/** Vault with a zone that says nothing by itself; `tasks` clears one withdrawal for each task and waits for them. */
async function startSilent() {
  const world = await createWorld({ SLUICE_BATCH_MAX_WITHDRAWALS: "1" });
  const zone = openZone(world, () => null);
  const vault = spawnVault(world);
  await vault.ready;
  const submitted = async <N extends 1 | 2>(count: N) => {
    for (let number = 1; number <= count; number += 1) {
      await world.observe(fund(world.wallet, 1_000_000n));
      await world.clear({ id: `w-${number}`, amountSat: 100_000n });
    }
    await eventually(() => expect(world.heard("signing.started.v1")).toHaveLength(count));
    const byId = new Map(zone.requests.map((task) => [task.taskId, task]));
    return [...byId.values()] as unknown as N extends 1 ? readonly [Task] : readonly [Task, Task];
  };
  return { world, tasks: Object.assign(submitted, { zone, vault }) };
}

async function states(world: World): Promise<Readonly<Record<string, string>>> {
  const { rows } = await world.vault.query<{ id: string; state: string }>(
    "select id, state from withdrawal order by id",
  );
  return Object.fromEntries(rows.map(({ id, state }) => [id, state]));
}

async function taskStates(world: World): Promise<readonly string[]> {
  const { rows } = await world.vault.query<{ state: string; code: string | null }>(
    "select state, code from task order by planned_at",
  );
  return rows.map(({ state, code }) => `${state} ${code}`);
}
