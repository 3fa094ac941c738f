// A stuck transaction whose change is spent already cannot be replaced: a child pays for the whole chain instead (CPFP).
import { decodePayout, INDEX_LIMIT } from "@sluice/chains";
import { transaction } from "@sluice/postgres";
import { noteStuck } from "@sluice/wallet-memory";
import { expect, it } from "vitest";
import { type BumpPolicy, bumpWallet } from "../src/bump-wallet.ts";
import { lockTask } from "../src/store/tasks.ts";
import { fund } from "./support/holders.ts";
import {
  plan,
  poolOf,
  putCoin,
  putWithdrawal,
  sealers,
  signQuickly,
  test,
  usePlanningDatabase,
  wallet,
} from "./support/planning.ts";

const database = usePlanningDatabase();
const POLICY: BumpPolicy = {
  ...{ maxFeeSat: 100_000n, maxFeeRateSatPerKvbyte: 300_000n, maxFeePercent: 50, maxBumps: 3, pauseMs: 1_000 },
};

async function signed(id: string): Promise<{ readonly taskId: string; readonly transactionId: string }> {
  const pool = poolOf(database.pools);
  await putWithdrawal(pool, { id, amountSat: 50_000n });
  const planned = await plan(pool);
  if (planned.kind !== "planned") throw new Error(`${id} is ${planned.kind}`);
  await transaction(pool, (tx) => signQuickly(tx, planned.taskId));
  return planned;
}

async function taskOf(taskId: string) {
  const task = await transaction(poolOf(database.pools), (tx) => lockTask(tx, taskId));
  if (task === null) throw new Error("there is no such task");
  const decoded = decodePayout(task.psbt, wallet.descriptor, { ...wallet, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(decoded.refusal.code);
  return { task, decoded: decoded.value };
}

it("spends the last free change below it, and lifts the whole chain to what a block asks for", async () => {
  const pool = poolOf(database.pools);
  await putCoin(pool, fund(test, 900_000n));
  const first = await signed("w-1");
  const second = await signed("w-2");
  const [above, below] = [await taskOf(first.taskId), await taskOf(second.taskId)];
  expect(below.decoded.inputs.map(({ outpoint }) => outpoint.split(":")[0])).toEqual([first.transactionId]);

  const wantedSatPerKvbyte = 30_000n;
  const stuck = { transactionId: first.transactionId, code: "FEE_TOO_LOW", wantedSatPerKvbyte };
  const heard = { ...stuck, replacementFeeSat: 5_000n, descendants: 1, revision: 1 };
  expect(await transaction(pool, (tx) => noteStuck(tx, heard))).toBe(true);
  const bumped = await transaction(pool, (tx) => bumpWallet(tx, wallet, POLICY, sealers.vault));
  expect(bumped).toMatchObject({ transactionId: first.transactionId, code: "CHILD" });

  const { rows } = await pool.query<{ id: string; reason: string }>(
    "select id, reason from task where purpose = 'internal'",
  );
  expect(rows.map(({ reason }) => reason)).toEqual(["child"]);
  const child = await taskOf(rows[0]?.id ?? "");
  expect(child.decoded.inputs.map(({ outpoint }) => outpoint.split(":")[0])).toEqual([second.transactionId]);
  expect([child.decoded.payments.length, child.decoded.change.length]).toEqual([0, 1]);
  const all = [above, below, child];
  const feeSat = all.reduce((sum, { task }) => sum + task.feeSat, 0n);
  const vbytes = all.reduce((sum, { decoded }) => sum + decoded.vbytes, 0);
  expect(feeSat * 1_000n).toBeGreaterThanOrEqual(wantedSatPerKvbyte * BigInt(vbytes));
  // Both payouts stay as they are, and the child goes to an address of its own.
  expect([(await taskOf(first.taskId)).task.state, (await taskOf(second.taskId)).task.state]).toEqual([
    "signed",
    "signed",
  ]);
  const indexes = all.map(({ decoded }) => decoded.change[0]?.pathIndex);
  expect(new Set(indexes).size).toBe(3);
  // It is answered: nothing more is done until the gateway says something new.
  expect(await transaction(pool, (tx) => bumpWallet(tx, wallet, POLICY, sealers.vault))).toBeNull();
});

it("waits with a reason when nothing of the chain's change is free", async () => {
  const pool = poolOf(database.pools);
  await putCoin(pool, fund(test, 110_000n));
  const first = await signed("w-1");
  const { decoded } = await taskOf(first.taskId);
  // The rest of the change is paid out whole, so the chain has no end.
  const restSat = (decoded.change[0]?.amountSat ?? 0n) - 2_000n;
  await putWithdrawal(pool, { id: "w-2", amountSat: restSat });
  const second = await plan(pool);
  expect(second.kind).toBe("planned");
  const heard = { transactionId: first.transactionId, code: "FEE_TOO_LOW", wantedSatPerKvbyte: 30_000n };
  await transaction(pool, (tx) => noteStuck(tx, { ...heard, replacementFeeSat: 5_000n, descendants: 1, revision: 1 }));
  const bumped = await transaction(pool, (tx) => bumpWallet(tx, wallet, POLICY, sealers.vault));
  expect(bumped).toMatchObject({ code: "CHANGE_IN_USE" });
});
