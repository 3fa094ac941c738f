// What nodes never take: never bumped; where the next transaction would fare the same the lane stops until a person has looked.
import { judgeStuck } from "@sluice/chain-watch";
import type { OpenedOf } from "@sluice/contracts";
import { transaction } from "@sluice/postgres";
import { listBumps, listStoppedLanes, reopenLane } from "@sluice/wallet-memory";
import { beforeEach, expect, it } from "vitest";
import { handleTransactionStuck } from "../src/handlers/transaction-stuck.ts";
import { fund } from "./support/holders.ts";
import {
  plan,
  poolOf,
  putCoin,
  putWithdrawal,
  signQuickly,
  test,
  usePlanningDatabase,
  wallet,
} from "./support/planning.ts";

const database = usePlanningDatabase();
const pool = () => poolOf(database.pools);
const alarms: object[] = [];
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: object) => void alarms.push(fields) };
beforeEach(() => pool().query("truncate stopped_lane, seen_conflict"));

it.each([
  ["SCRIPT_FAILED", true],
  ["INVALID", true],
  ["FEE_ABSURD", true],
  ["BURNS_MONEY", true],
  ["DUST", false],
  ["NOT_STANDARD", false],
])("%s stops the lane: %s", async (neverCode, stops) => {
  for (const sat of [30_000n, 31_000n]) await putCoin(pool(), fund(test, sat));
  await putWithdrawal(pool(), { id: "w-1", amountSat: 20_000n });
  const outcome = await plan(pool());
  if (outcome.kind !== "planned") throw new Error(outcome.kind);
  const { transactionId } = outcome;
  await transaction(pool(), (tx) => signQuickly(tx, outcome.taskId));
  // As the gateway words it.
  const pending = {
    sinceMs: 0,
    blocksSince: 0,
    misses: 0,
    feeSat: 1n,
    vbytes: 200,
    entry: null,
    wantedSatPerKvbyte: null,
  };
  const stuck = judgeStuck({ ...pending, neverCode }, { afterMs: 60_000, afterBlocks: 2 }, 0);
  const message = { transactionId, withdrawals: [], sinceMs: 0, ...stuck, revision: 4 };
  const handle = handleTransactionStuck(logger as never);
  const tell = () =>
    transaction(pool(), (tx) => handle(tx, { message } as unknown as OpenedOf<"transaction.stuck.v1">));
  alarms.length = 0;
  await tell();
  await tell();
  expect(alarms).toHaveLength(stops ? 1 : 0);
  expect(await listBumps(pool(), 9)).toEqual([]);
  await putWithdrawal(pool(), { id: "w-2", amountSat: 20_000n });
  expect((await plan(pool())).kind).toBe(stops ? "waiting" : "planned");
  if (!stops) return;
  expect(await listStoppedLanes(pool())).toMatchObject([{ transactionId, ourTransactionId: transactionId }]);
  expect(await reopenLane(pool(), wallet.walletId, transactionId)).toBe(true);
  await tell();
  expect((await plan(pool())).kind).toBe("planned");
});
