// A withdrawal that two people said has failed: its coins, its versions, its companions, and what comes late; on real Postgres.
import type { OpenedOf } from "@sluice/contracts";
import { type Transaction, transaction } from "@sluice/postgres";
import { type FailureParts, makeFailure, makePeople, makeSeals } from "@sluice/signing-fixtures";
import { reopenLane, settlePayout, stopLane } from "@sluice/wallet-memory";
import { beforeEach, expect, it } from "vitest";
import { handleWithdrawalFailed } from "../src/handlers/withdrawal-failed.ts";
import { savePlan } from "../src/save-plan.ts";
import { fund } from "./support/holders.ts";
import * as world from "./support/planning.ts";
import { poolOf, putCoin, putWithdrawal, signQuickly, test, usePlanningDatabase, wallet } from "./support/planning.ts";

const database = usePlanningDatabase();
const seals = makeSeals();
const { people, trust } = makePeople(seals);
const THIEF = "ef".repeat(32);
const AMOUNT = 20_000n;
const pool = () => poolOf(database.pools);

beforeEach(() => pool().query("truncate stopped_lane, seen_conflict"));

type Planned = { readonly taskId: string; readonly transactionId: string; readonly inputs: readonly string[] };

/** One payout of these withdrawals, signed, which takes both coins of the wallet. */
async function signedPayout(ids: readonly string[]): Promise<Planned> {
  for (const sat of [15_000n, 25_000n, 30_000n]) await putCoin(pool(), fund(test, sat));
  for (const id of ids) await putWithdrawal(pool(), { id, amountSat: AMOUNT });
  const planned = await planNow();
  await transaction(pool(), (tx) => signQuickly(tx, planned.taskId));
  return planned;
}

async function planNow(): Promise<Planned> {
  const outcome = await world.plan(pool());
  if (outcome.kind !== "planned") throw new Error(`it is ${outcome.kind}`);
  const { rows } = await pool().query<{ outpoint: string }>(
    "select outpoint from task_input where task_id = $1 order by position",
    [outcome.taskId],
  );
  return { ...outcome, inputs: rows.map(({ outpoint }) => outpoint) };
}

function fail(
  withdrawalId: string,
  { transactionId, inputs }: Planned,
  parts: Partial<FailureParts> = {},
  by = people,
) {
  const failure = {
    withdrawalId,
    amountSat: AMOUNT,
    transactionId,
    outpoint: inputs[0] ?? "",
    conflictingTransactionId: THIEF,
  };
  const envelope = makeFailure(seals, by, { ...failure, ...parts });
  return transaction(pool(), (tx) => handle(tx, envelope));
}

const handle = (tx: Transaction, envelope: Uint8Array) =>
  handleWithdrawalFailed(trust)(tx, { envelope } as OpenedOf<"withdrawal.failed.v1">);

async function standing() {
  const read = async (sql: string) => (await pool().query<{ what: string }>(sql)).rows.map(({ what }) => what);
  return {
    withdrawals: await read("select id || ' ' || state as what from withdrawal order by id"),
    tasks: await read("select state || coalesce(' ' || code, '') as what from task order by planned_at, id"),
    reserved: (await read("select outpoint as what from reservation")).length,
    coins: await read(
      `select amount_sat || ' ' || case when tied_to is not null then 'tied' else state end as what from coin
       where made_by is null order by amount_sat`,
    ),
  };
}

it("ends its payout: what was stolen is spent, what is left stays tied, and nothing is ever planned for it again", async () => {
  const payout = await signedPayout(["w-1", "w-2"]);
  expect(payout.inputs.length).toBeGreaterThan(1);
  await transaction(pool(), (tx) =>
    stopLane(tx, {
      walletId: wallet.walletId,
      transactionId: THIEF,
      outpoint: payout.inputs[0] ?? "",
      ourTransactionId: payout.transactionId,
    }),
  );
  await fail("w-1", payout);
  // Its companion may still want them.
  expect(await standing()).toMatchObject({
    withdrawals: ["w-1 failed", "w-2 signed"],
    tasks: ["signed"],
    reserved: payout.inputs.length,
  });
  await fail("w-2", payout);
  const ended = await standing();
  expect(ended).toMatchObject({ withdrawals: ["w-1 failed", "w-2 failed"], tasks: ["superseded FAILED"], reserved: 0 });
  expect(ended.coins.filter((coin) => coin.endsWith(" spent"))).toHaveLength(1);
  expect(ended.coins.filter((coin) => coin.endsWith(" tied"))).toHaveLength(payout.inputs.length - 1);
  await fail("w-2", payout);
  expect(await standing()).toEqual(ended);
  // The lane goes on with what is free, and with somebody else's withdrawal.
  await putCoin(pool(), fund(test, 90_000n));
  await putWithdrawal(pool(), { id: "w-3", amountSat: AMOUNT });
  expect(await world.plan(pool())).toMatchObject({ kind: "waiting" });
  expect(await reopenLane(pool(), wallet.walletId, THIEF)).toBe(true);
  const next = await planNow();
  expect(next.inputs.filter((outpoint) => payout.inputs.includes(outpoint))).toEqual([]);
  const { rows } = await pool().query<{ id: string }>(
    "select withdrawal_id as id from task_withdrawal where task_id = $1",
    [next.taskId],
  );
  expect(rows.map(({ id }) => id)).toEqual(["w-3"]);
});

it("ends every version: a late signature of one is released by nobody", async () => {
  const payout = await signedPayout(["w-1"]);
  const coins = await pool().query<{ psbt: Buffer }>("select psbt from task where id = $1", [payout.taskId]);
  const second = {
    psbt: coins.rows[0]?.psbt ?? Buffer.alloc(0),
    txid: "aa".repeat(32),
    feeSat: 9n,
    vbytes: 200,
    changeSat: null,
  };
  const inputs = payout.inputs.map((outpoint) => ({
    ...fund(test, 1n),
    txid: outpoint.slice(0, 64),
    vout: Number(outpoint.slice(65)),
  }));
  await transaction(pool(), (tx) =>
    savePlan(
      tx,
      wallet.walletId,
      { ...second, inputs },
      { withdrawals: [{ withdrawalId: "w-1", attempt: 2 }], replaces: payout, reason: null },
      seals.sealers.vault,
    ),
  );
  await fail("w-1", payout);
  expect(await standing()).toMatchObject({ tasks: ["superseded FAILED", "superseded FAILED"], reserved: 0 });
});

it("also fails what was to spend the change of a transaction that can never confirm", async () => {
  const parent = await signedPayout(["w-1"]);
  const { rows } = await pool().query<{ outpoint: string }>("select outpoint from coin where made_by is not null");
  await pool().query(
    "update coin set tied_to = (select id from task limit 1) where made_by is null and not exists (select from reservation r where r.outpoint = coin.outpoint)",
  );
  await putWithdrawal(pool(), { id: "w-2", amountSat: 1_000n });
  const child = await planNow();
  expect(child.inputs).toEqual(rows.map(({ outpoint }) => outpoint));
  await transaction(pool(), (tx) => signQuickly(tx, child.taskId));
  await fail("w-2", parent, { amountSat: 1_000n });
  expect((await standing()).withdrawals).toEqual(["w-1 signed", "w-2 failed"]);
});

it("is parked and changes nothing when a version could still confirm, when it was paid, when it is unknown, when it is forged", async () => {
  const payout = await signedPayout(["w-1"]);
  const before = await standing();
  const elsewhere = `${"cd".repeat(32)}:7`;
  const other = {
    outpoint: elsewhere,
    transactionId: THIEF,
    own: false,
    blockHash: THIEF,
    height: 1,
    confirmations: 6,
  };
  const parked = (code: string) => ({ code, action: "park" });
  await expect(
    fail("w-1", { ...payout, transactionId: THIEF }, { outpoint: elsewhere, conflict: { spent: [other] } }),
  ).rejects.toMatchObject(parked("FAILED_BUT_ALIVE"));
  await expect(fail("w-9", payout)).rejects.toMatchObject(parked("FAILED_BUT_UNKNOWN"));
  await expect(fail("w-1", payout, { by: [people[0], people[0]] })).rejects.toMatchObject(
    parked("REQUESTS_OF_ONE_KEY"),
  );
  await expect(fail("w-1", payout, { askedAbout: "w-2" })).rejects.toMatchObject(parked("REQUEST_NOT_A_FAILURE"));
  expect(await standing()).toEqual(before);
  await transaction(pool(), (tx) => settlePayout(tx, payout.taskId, payout.transactionId, 102));
  await pool().query("update withdrawal set state = 'confirmed'");
  await expect(fail("w-1", payout)).rejects.toMatchObject(parked("FAILED_BUT_PAID"));
});
