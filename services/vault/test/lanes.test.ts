// Two instances on one wallet, and the constraints that would hold even if both forgot their lane.
import { fileURLToPath } from "node:url";
import { MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { migrate, sqlState } from "@sluice/postgres";
import { describe, expect, it } from "vitest";
import { decode, fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld, type World } from "./support/world.ts";
import { openZone, sign } from "./support/zone.ts";

const WITHDRAWALS = 40;

describe("two instances on one wallet", () => {
  it("plan 40 withdrawals without giving a coin or a withdrawal to two transactions", async () => {
    const world = await createWorld({ SLUICE_BATCH_MAX_WITHDRAWALS: "3", SLUICE_BATCH_WAIT_MS: "20" }, 4);
    const zone = openZone(world, sign(world));
    const instances = [spawnVault(world), spawnVault(world)];
    await Promise.all(instances.map(({ ready }) => ready));
    for (let coin = 0; coin < 30; coin += 1) await world.observe(fund(world.wallet, 400_000n, coin));
    const ids = Array.from({ length: WITHDRAWALS }, (_, at) => `w-${at}`);
    for (const id of ids) await world.clear({ id, amountSat: 100_000n });

    const payouts = () => world.heard("transaction.signed.v1").flatMap(({ message }) => message.payouts);
    await eventually(() => expect(payouts().length).toBeGreaterThanOrEqual(WITHDRAWALS), 50_000);
    expect(
      payouts()
        .map(({ withdrawalId }) => withdrawalId)
        .toSorted(),
    ).toEqual(ids.toSorted());
    const tasks = new Map(zone.requests.map((task) => [task.taskId, task]));
    const outpoints = [...tasks.values()].flatMap(({ psbt }) =>
      decode(world.wallet, psbt).inputs.map(({ outpoint }) => outpoint),
    );
    expect(new Set(outpoints).size).toBe(outpoints.length);
    expect(zone.faults).toEqual([]);
    const changes = [...tasks.values()].flatMap(({ psbt }) =>
      decode(world.wallet, psbt).change.map(({ pathIndex }) => pathIndex),
    );
    expect(new Set(changes).size).toBe(changes.length);
    const planned = instances.map(({ log }) => log.filter(({ msg }) => msg === "a transaction is planned").length);
    expect(planned.reduce((sum, count) => sum + count)).toBe(tasks.size);
    process.stdout.write(`instances planned ${planned.join(" and ")} of ${tasks.size} transactions\n`);
  });
});

describe("the tables themselves", () => {
  it("refuse a coin in two payouts, and a withdrawal in two live ones; the versions of one share both", async () => {
    const world = await createWorld();
    await migrate(world.vault, [
      { set: "messaging", directory: MESSAGING_MIGRATIONS },
      { set: "vault", directory: fileURLToPath(new URL("../migrations", import.meta.url)) },
    ]);
    const put = (sql: string) => world.vault.query(sql).then(() => "stored", sqlState);
    await put("insert into withdrawal (id, clearance, account, address, amount_sat) values ('w', '', 'a', 'x', 1)");
    await put("insert into coin values ('c:0', 'hot', 5, 0, 0, '', 1)");
    const task = (id: string, replaces: string | null) =>
      put(
        `insert into task (id, wallet_id, transaction_id, psbt, fee_sat, change_sat, payout_id, replaces)
         values ('${id}', 'hot', '${id}', '', 0, 0, '${replaces ?? id}', ${replaces === null ? "null" : `'${replaces}'`})`,
      );
    for (const id of ["t1", "t2"]) expect(await task(id, null)).toBe("stored");
    expect(await task("t1-bumped", "t1")).toBe("stored");
    const spends = (id: string, payout: string) =>
      put(`insert into task_input values ('${id}', 'c:0', 0, '${payout}')`);
    expect(await put("insert into reservation values ('c:0', 't1')")).toBe("stored");
    expect(await put("insert into reservation values ('c:0', 't2')")).toBe("23505");
    // Both versions of one payout, but no task of another: not under its own name, and not under the other's.
    expect(await spends("t1", "t1")).toBe("stored");
    expect(await spends("t1-bumped", "t1")).toBe("stored");
    expect(await spends("t2", "t2")).toBe("23503");
    expect(await spends("t2", "t1")).toBe("23503");
    expect(await put("delete from reservation")).toBe("23503");

    const pays = (id: string, attempt: number, replaces = "null") =>
      put(`insert into task_withdrawal values ('${id}', 'w', ${attempt}, 0, true, ${replaces})`);
    expect(await pays("t1", 1)).toBe("stored");
    expect(await pays("t2", 2)).toBe("23505");
    expect(await pays("t1-bumped", 2, "'t1'")).toBe("stored");
    for (const other of ["t1", "t2"]) expect(await pays("t2", 3, `'${other}'`)).toBe("23503");
    await put("update task_withdrawal set live = false where task_id like 't1%'");
    expect(await pays("t2", 2)).toBe("23505");
    expect(await pays("t2", 3)).toBe("stored");
    expect(await livesOf(world)).toEqual([false, false, true]);
  });
});

async function livesOf(world: World): Promise<readonly boolean[]> {
  const { rows } = await world.vault.query<{ live: boolean }>("select live from task_withdrawal order by task_id");
  return rows.map(({ live }) => live);
}
