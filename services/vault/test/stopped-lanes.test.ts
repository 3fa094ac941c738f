// Somebody else spent a coin of a wallet: its lane stops, the others go on, and a person who names the transaction reopens it.
import { outpointOf } from "@sluice/chains";
import { type MessageOf, seal } from "@sluice/contracts";
import { transaction } from "@sluice/postgres";
import { freeCoins, listStoppedLanes, reopenLane, takeLane } from "@sluice/wallet-memory";
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
  return hear({
    ...{ transactionId, withdrawals: [], outpoint: `${"ab".repeat(32)}:0`, conflictingTransactionId: by, own },
    ...{ blockHash: "", height: 0, confirmations: 0, revision: 5 },
  });
}

/** None of ours spends the coin. */
function taken(outpoint: string, by: string, revision: number, blockHash = "cc".repeat(32)): Promise<void> {
  return hear({
    ...{ transactionId: "", walletId: "hot-1", withdrawals: [], outpoint, conflictingTransactionId: by, own: false },
    ...{ blockHash, height: 7, confirmations: 1, revision },
  });
}

function hear(message: MessageOf<"transaction.conflicted.v1">): Promise<void> {
  const content = { id: `c-${message.revision}`, key: message.outpoint, occurredAtMs: 1, message };
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
  const laneOf = (walletId: string) => transaction(pool, (tx) => takeLane(tx, walletId));
  expect([await laneOf("hot-1"), await laneOf("hot-2")]).toEqual(["stopped", "taken"]);
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
  expect([alarms.length, await laneOf("hot-1")]).toEqual([2, "stopped"]);
});

it("does not stop for a version of our own, and parks what is about no transaction of ours", async () => {
  const pool = poolOf(database.pools);
  await conflict(await planned(), true);
  expect(await listStoppedLanes(pool)).toEqual([]);
  await expect(conflict("12".repeat(32), false)).rejects.toMatchObject({ code: "TRANSACTION_UNKNOWN", action: "park" });
  expect(alarms).toEqual([]);
});

it("stops as well when a coin is taken that nothing of ours spends, which is then not planned until it is back", async () => {
  const pool = poolOf(database.pools);
  const ours = await planned();
  const free = async () => (await transaction(pool, (tx) => freeCoins(tx, "hot-1", []))).map(outpointOf);
  const [coin = ""] = await free();
  // The gateway's database may be older than vault's: then it takes one of ours for a stranger's.
  await taken(coin, ours, 5);
  expect([alarms, await free(), await listStoppedLanes(pool)]).toEqual([[], [coin], []]);
  await taken(coin, FOREIGN, 6);
  expect([alarms.length, await free()]).toEqual([1, []]);
  expect(await listStoppedLanes(pool)).toMatchObject([
    { transactionId: FOREIGN, outpoint: coin, ourTransactionId: "" },
  ]);
  await taken(coin, FOREIGN, 7, "");
  expect([alarms.length, await free()]).toEqual([1, [coin]]);
  // What comes late changes nothing.
  await taken(coin, FOREIGN, 6);
  expect(await free()).toEqual([coin]);
});
