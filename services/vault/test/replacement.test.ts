// A transaction that does not get into a block, through vault as a real process: replaced, refused a replacement, paid once.
import { describe, expect, it } from "vitest";
import { clearTogether } from "./support/clear-together.ts";
import { decode, fund } from "./support/holders.ts";
import { eventually, spawnVault, type VaultProcess } from "./support/process.ts";
import { createWorld, type World } from "./support/world.ts";
import { type Decide, openZone, refused, signed } from "./support/zone.ts";

/** Says that a transaction is stuck, as the gateway does. */
function stuck(world: World, transactionId: string, revision: number, changes: { readonly wanted?: bigint } = {}) {
  return world.tell("transaction.stuck.v1", "blockchain-gateway", `${transactionId}/stuck/${revision}`, {
    ...{ transactionId, withdrawals: [], sinceMs: 1, code: "FEE_TOO_LOW", descendants: 0, revision },
    ...{ wantedSatPerKvbyte: changes.wanted ?? 20_000n, replacementFeeSat: 1_000n },
  });
}

function confirmed(world: World, transactionId: string, revision: number) {
  return world.tell("transaction.confirmed.v1", "blockchain-gateway", `${transactionId}/confirmed/${revision}`, {
    ...{ transactionId, withdrawals: [], blockHash: "ab".repeat(32), height: 120, confirmations: 6, revision },
  });
}

type Tasks = {
  readonly tasks: readonly { transactionId: string; state: string; replaces: string | null; feeSat: string }[];
  readonly bumps: readonly { transactionId: string; code: string | null; bumps: number }[];
};
const tasksOf = async (vault: VaultProcess) => (await (await vault.get("/tasks")).json()) as Tasks;
const rowsOf = async (world: World, sql: string) => (await world.vault.query<Record<string, unknown>>(sql)).rows;

async function start(decide: (world: World) => Decide) {
  const world = await createWorld({ SLUICE_BUMP_PAUSE_MS: "50", SLUICE_BUMPS_MAX: "3" });
  const zone = openZone(world, (task, asked) => decide(world)(task, asked));
  const vault = spawnVault(world);
  await vault.ready;
  const two = [
    { id: "w-1", amountSat: 100_000n },
    { id: "w-2", amountSat: 200_000n },
  ];
  await clearTogether(world, two, fund(world.wallet, 1_000_000n));
  await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
  const original = world.heard("transaction.signed.v1")[0]?.message.transactionId ?? "";
  return { world, zone, vault, original };
}

describe("a transaction that does not get into a block", () => {
  it("is replaced, again and again up to the limit; the original confirms all the same, once, and nothing is left over", async () => {
    const { world, zone, vault, original } = await start((world) => (task) => signed(world, task));
    const chain = [original];
    for (const wanted of [10_000n, 20_000n]) {
      await stuck(world, chain.at(-1) ?? "", chain.length, { wanted });
      await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(chain.length + 1));
      chain.push(world.heard("transaction.signed.v1").at(-1)?.message.transactionId ?? "");
    }
    expect(zone.faults).toEqual([]);
    const [first, ...later] = zone.requests.map(({ psbt }) => decode(world.wallet, psbt));
    for (const [at, version] of later.entries()) {
      expect(version.inputs.map(({ outpoint }) => outpoint)).toEqual(first?.inputs.map(({ outpoint }) => outpoint));
      expect(version.payments).toEqual(first?.payments);
      expect(version.change.map(({ pathIndex }) => pathIndex)).toEqual(first?.change.map(({ pathIndex }) => pathIndex));
      expect(version.feeRateSatPerVbyte).toBeGreaterThanOrEqual([10, 20][at] ?? Number.NaN);
    }
    const said = world.heard("transaction.signed.v1").map(({ message }) => message);
    expect(said.map(({ replaces }) => replaces)).toEqual(["", ...chain.slice(0, 2)]);
    expect(said.map(({ payouts }) => payouts.map(({ attempt }) => attempt))).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(await rowsOf(world, "select outpoint from reservation")).toHaveLength(1);

    // Words about versions that were replaced since, and old words, change nothing.
    await stuck(world, original, 9);
    await stuck(world, chain[2] ?? "", 10, { wanted: 1n });
    await eventually(async () =>
      expect((await tasksOf(vault)).bumps).toMatchObject([{ code: "FEE_IS_ENOUGH", bumps: 2 }]),
    );

    await confirmed(world, original, 20);
    await eventually(async () => expect(await rowsOf(world, "select from reservation")).toEqual([]));
    const { tasks, bumps } = await tasksOf(vault);
    expect(Object.fromEntries(tasks.map(({ transactionId, state }) => [transactionId, state]))).toEqual({
      ...{ [chain[0] ?? ""]: "confirmed", [chain[1] ?? ""]: "superseded", [chain[2] ?? ""]: "superseded" },
    });
    expect(bumps).toEqual([]);
    expect(await rowsOf(world, "select distinct state from withdrawal")).toEqual([{ state: "confirmed" }]);
    expect(await rowsOf(world, "select state, spent_by, tied_to from coin where made_by is null")).toEqual([
      { state: "spent", spent_by: original, tied_to: null },
    ]);
  });

  it("keeps its version when the zone refuses the replacement: no withdrawal is refused, and it says why", async () => {
    const { world, zone, vault, original } = await start(
      (world) => (task) =>
        zoneRefuses(world, task.psbt) ? refused([["w-1", "DESTINATION_LABELLED"]]) : signed(world, task),
    );
    await stuck(world, original, 1);
    await eventually(async () =>
      expect((await tasksOf(vault)).bumps).toMatchObject([
        { transactionId: original, code: "BUMPED_TOO_OFTEN", bumps: 3 },
      ]),
    );
    const { tasks } = await tasksOf(vault);
    expect(tasks.filter(({ state }) => state === "refused")).toHaveLength(3);
    expect(tasks.find(({ transactionId }) => transactionId === original)).toMatchObject({ state: "signed" });
    expect(zone.requests).toHaveLength(4);
    expect(await rowsOf(world, "select id, state from withdrawal order by id")).toEqual([
      { id: "w-1", state: "signed" },
      { id: "w-2", state: "signed" },
    ]);
    expect(await rowsOf(world, "select outpoint from reservation")).toHaveLength(1);
    // The others hear the zone's own words, and tell from them that a replacement was refused.
    await eventually(() => expect(world.heard("risk.reported.v1")).toHaveLength(4));
    await confirmed(world, original, 20);
    await eventually(async () => expect(await rowsOf(world, "select from reservation")).toEqual([]));
  });
});

/** Everything that pays more than the first rate. */
const zoneRefuses = (world: World, psbt: Uint8Array) => decode(world.wallet, psbt).feeRateSatPerVbyte > 5;
