// Somebody else spent a coin of a wallet: its lane stops, the others go on, and a person who names the transaction reopens it.
import { seal } from "@sluice/contracts";
import { transaction } from "@sluice/postgres";
import { listStoppedLanes, reopenLane, takeLane } from "@sluice/wallet-memory";
import { beforeEach, expect, it } from "vitest";
import { handleTransactionConflicted } from "../src/handlers/transaction-conflicted.ts";
import { fund } from "./support/holders.ts";
import { plan, poolOf, putCoin, putWithdrawal, sealers, test, usePlanningDatabase } from "./support/planning.ts";

const database = usePlanningDatabase();
const FOREIGN = "ef".repeat(32);
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: object) => void alarms.push(fields) };
let alarms: object[] = [];

beforeEach(async () => {
  alarms = [];
  await poolOf(database.pools).query("truncate stopped_lane, seen_conflict");
});

async function planned(): Promise<string> {
  const pool = poolOf(database.pools);
  await putCoin(pool, fund(test, 500_000n));
  await putCoin(pool, fund(test, 500_001n));
  await putWithdrawal(pool, { id: "w-1", amountSat: 20_000n });
  const outcome = await plan(pool);
  if (outcome.kind !== "planned") throw new Error(`it is ${outcome.kind}`);
  return outcome.transactionId;
}

function conflict(transactionId: string, own: boolean, by = FOREIGN): Promise<void> {
  const message = {
    ...{ transactionId, withdrawals: [], outpoint: `${"ab".repeat(32)}:0`, conflictingTransactionId: by, own },
    ...{ blockHash: "", height: 0, confirmations: 0, revision: 5 },
  };
  const content = { id: `c-${transactionId}`, key: transactionId, occurredAtMs: 1, message };
  const envelope = seal(sealers["blockchain-gateway"], "transaction.conflicted.v1", content);
  const opened = {
    ...content,
    type: "transaction.conflicted.v1",
    producer: "blockchain-gateway",
    keyId: "k",
    envelope,
  };
  return transaction(poolOf(database.pools), (tx) =>
    handleTransactionConflicted(quiet as never)(
      tx,
      opened as Parameters<ReturnType<typeof handleTransactionConflicted>>[1],
    ),
  );
}

it("stops this wallet's planning with a code to be read, and no other wallet's, until the transaction is named", async () => {
  const pool = poolOf(database.pools);
  const transactionId = await planned();
  await putWithdrawal(pool, { id: "w-2", amountSat: 30_000n });
  await conflict(transactionId, false);
  await conflict(transactionId, false);
  expect(alarms).toHaveLength(1);
  const waiting = await plan(pool);
  expect(waiting).toMatchObject({ kind: "waiting", changed: 1 });
  expect(waiting.kind === "waiting" && [...waiting.codes]).toEqual([["w-2", "LANE_STOPPED"]]);
  const taken = (walletId: string) => transaction(pool, (tx) => takeLane(tx, walletId));
  expect([await taken("hot-1"), await taken("hot-2")]).toEqual(["stopped", "taken"]);
  expect(await listStoppedLanes(pool)).toMatchObject([
    { walletId: "hot-1", transactionId: FOREIGN, ourTransactionId: transactionId },
  ]);
  expect(await reopenLane(pool, "hot-1", transactionId)).toBe(false);
  expect((await plan(pool)).kind).toBe("waiting");
  expect(await reopenLane(pool, "hot-1", FOREIGN)).toBe(true);
  expect((await plan(pool)).kind).toBe("planned");
  // The same one again, deeper by then, was seen by a person; another one was not.
  await conflict(transactionId, false);
  expect([alarms.length, await listStoppedLanes(pool)]).toEqual([1, []]);
  await conflict(transactionId, false, "cd".repeat(32));
  expect([alarms.length, await taken("hot-1")]).toEqual([2, "stopped"]);
});

it("does not stop for a version of our own, and parks what is about no transaction of ours", async () => {
  const pool = poolOf(database.pools);
  await conflict(await planned(), true);
  expect(await listStoppedLanes(pool)).toEqual([]);
  await expect(conflict("12".repeat(32), false)).rejects.toMatchObject({ code: "TRANSACTION_UNKNOWN", action: "park" });
  expect(alarms).toEqual([]);
});
