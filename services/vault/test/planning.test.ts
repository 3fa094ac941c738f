// Planning on a real database: priorities, fee rates, and change of our own that is in no block yet.
import { decodePayout, INDEX_LIMIT } from "@sluice/chains";
import { sqlState, transaction } from "@sluice/postgres";
import { addFeeEstimate, freeCoins, isBuiltUpon, sumCoins } from "@sluice/wallet-memory";
import { describe, expect, it } from "vitest";
import type { PlanOutcome } from "../src/plan-wallet.ts";
import { insertTask, lockTask } from "../src/store/tasks.ts";
import { fund } from "./support/holders.ts";
import {
  POLICY,
  plan,
  poolOf,
  putCoin,
  putWithdrawal,
  reportSigned,
  test,
  usePlanningDatabase,
  wallet,
} from "./support/planning.ts";

const database = usePlanningDatabase();
const pool = () => poolOf(database.pools);

async function planned(outcome: PlanOutcome) {
  if (outcome.kind !== "planned") throw new Error(`it was ${outcome.kind}`);
  const task = await transaction(pool(), (tx) => lockTask(tx, outcome.taskId));
  if (task === null) throw new Error("the task is not there");
  const decoded = decodePayout(task.psbt, wallet.descriptor, { ...wallet, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(decoded.refusal.code);
  const paid = task.withdrawals.map(({ withdrawalId }) => withdrawalId);
  return { ...outcome, decoded: decoded.value, paid, task };
}

/** One coin, one withdrawal, signed: its change is in no block yet. */
async function change() {
  await putCoin(pool(), fund(test, 1_000_000n));
  await putWithdrawal(pool(), { id: "w-1", amountSat: 100_000n });
  const first = await planned(await plan(pool()));
  await reportSigned(pool(), first.taskId);
  const outpoint = `${first.transactionId}:1`;
  return { ...first, outpoint, changeSat: first.decoded.change[0]?.amountSat ?? 0n };
}

describe("priorities", () => {
  it("go by the deadline that was fixed at arrival; the rate is that of the most urgent", async () => {
    await putCoin(pool(), fund(test, 9_000_000n));
    const estimates = [
      { targetBlocks: 2, satPerKvbyte: 30_000n },
      { targetBlocks: 6, satPerKvbyte: 12_000n },
      { targetBlocks: 24, satPerKvbyte: 3_000n },
    ];
    const estimate = { estimatedAtMs: Date.now(), minimumSatPerKvbyte: 1_000n, estimates };
    await transaction(pool(), (tx) => addFeeEstimate(tx, estimate));
    await putWithdrawal(pool(), { id: "slow", amountSat: 10_000n, priority: "economy", dueInMs: 60_000 });
    await putWithdrawal(pool(), { id: "usual", amountSat: 10_000n, dueInMs: 30_000 });
    expect(await plan(pool())).toMatchObject({ kind: "waiting", changed: 0 });
    await putWithdrawal(pool(), { id: "fast", amountSat: 10_000n, priority: "fast", dueInMs: 20_000 });
    // Full, so it goes before anybody is due, in the order of the deadlines and not of arrival.
    const full = await planned(await plan(pool()));
    expect(full.paid).toEqual(["fast", "usual", "slow"]);
    expect(Math.round(full.decoded.feeRateSatPerVbyte)).toBe(30);

    await putCoin(pool(), fund(test, 9_000_000n, 1));
    await putWithdrawal(pool(), { id: "patient", amountSat: 10_000n, priority: "economy" });
    const patient = await planned(await plan(pool()));
    expect(patient.paid).toEqual(["patient"]);
    expect(Math.round(patient.decoded.feeRateSatPerVbyte)).toBe(3);
  });

  it("hold up nobody by one that cannot be paid, however many there are", async () => {
    await putCoin(pool(), fund(test, 100_000n));
    await pool().query(
      `insert into withdrawal (id, clearance, account, address, amount_sat, due_at)
       select 'huge-' || n, '', 'a', 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', 1000000, now() - interval '1 day'
       from generate_series(1, 450) n`,
    );
    await putWithdrawal(pool(), { id: "small", amountSat: 10_000n });
    expect((await planned(await plan(pool()))).paid).toEqual(["small"]);
    const { rows } = await pool().query(
      "select count(*)::int as n from withdrawal where waiting_code = 'INSUFFICIENT_FUNDS'",
    );
    expect(rows).toEqual([{ n: 450 }]);
  });
});

describe("unconfirmed change", () => {
  it("pays the next withdrawal, and is one coin only when it is seen in a block", async () => {
    const { outpoint, changeSat, decoded } = await change();
    expect(await sumCoins(pool())).toMatchObject({ free: 0n, unconfirmed: changeSat, reserved: 1_000_000n });
    await putWithdrawal(pool(), { id: "w-2", amountSat: 100_000n });
    const second = await planned(await plan(pool()));
    expect(second.decoded.inputs.map((input) => input.outpoint)).toEqual([outpoint]);
    const previousTransaction = decoded.unsignedTransaction;
    const [own] = decoded.change;
    if (own === undefined) throw new Error("it has change");
    const coin = { txid: decoded.txid, vout: own.index, amountSat: own.amountSat, previousTransaction };
    await putCoin(pool(), { ...coin, branch: own.branch, index: own.pathIndex });
    expect(await sumCoins(pool())).toMatchObject({ free: 0n, unconfirmed: 0n, reserved: 1_000_000n + changeSat });
  });

  it("waits for a block when it may not be spent, or when its transaction has been out too long", async () => {
    await change();
    await putWithdrawal(pool(), { id: "w-2", amountSat: 100_000n });
    const code = async (policy: Parameters<typeof plan>[1]) => {
      const outcome = await plan(pool(), policy);
      return outcome.kind === "waiting" ? outcome.codes.get("w-2") : outcome.kind;
    };
    expect(await code({ SLUICE_SPEND_UNCONFIRMED_CHANGE: false })).toBe("CHANGE_UNCONFIRMED");
    expect(await code({ SLUICE_UNCONFIRMED_CHANGE_MAX_AGE_MS: 0 })).toBe("INSUFFICIENT_FUNDS");
    expect(await code({})).toBe("planned");
  });

  it("is left alone while a confirmed coin suffices", async () => {
    await change();
    const settled = fund(test, 150_000n, 5);
    await putCoin(pool(), settled);
    await putWithdrawal(pool(), { id: "w-2", amountSat: 100_000n });
    const second = await planned(await plan(pool()));
    expect(second.decoded.inputs.map(({ outpoint }) => outpoint)).toEqual([`${settled.txid}:0`]);
  });

  it("is never built upon beyond what nodes keep", async () => {
    await change();
    const lengths: number[] = [];
    for (let at = 2; at < 40; at += 1) {
      await putWithdrawal(pool(), { id: `w-${at}`, amountSat: 10_000n });
      const outcome = await plan(pool());
      if (outcome.kind !== "planned") break;
      await reportSigned(pool(), outcome.taskId);
      lengths.push(at);
    }
    expect(lengths.at(-1)).toBe(25);
    expect((await pool().query("select id, waiting_code from withdrawal where state = 'cleared'")).rows).toEqual([
      { id: "w-26", waiting_code: "CHANGE_UNCONFIRMED" },
    ]);
  });
});

describe("the rule of unconfirmed change", () => {
  const replacement = (id: string, replaces: string) =>
    transaction(pool(), (tx) =>
      insertTask(tx, {
        ...{ taskId: id, walletId: wallet.walletId, transactionId: id, psbt: Buffer.of(), feeSat: 1n, changeSat: 0n },
        ...{ vbytes: 200, withdrawals: [], replaces, reason: null },
      }),
    ).then(() => "stored", sqlState);
  const free = () =>
    transaction(pool(), (tx) => freeCoins(tx, wallet.walletId, [], POLICY.SLUICE_UNCONFIRMED_CHANGE_MAX_AGE_MS));
  const reserve = (outpoint: string, payout: string) =>
    pool()
      .query("insert into reservation values ($1, $2)", [outpoint, payout])
      .then(() => "stored", sqlState);

  it("the change of what is being, or has been, replaced is nobody's; it is again when that was given up", async () => {
    const { taskId, outpoint } = await change();
    expect(await free()).toMatchObject([{ confirmed: false }]);
    expect(await transaction(pool(), (tx) => isBuiltUpon(tx, taskId))).toBe(false);
    expect(await replacement("bumped", taskId)).toBe("stored");
    expect(await free()).toEqual([]);
    expect(await reserve(outpoint, taskId)).toBe("23514");
    await pool().query("update task set state = 'signed' where id = 'bumped'");
    expect(await reserve(outpoint, taskId)).toBe("23514");
    await pool().query("update task set state = 'superseded' where id = $1", [taskId]);
    await pool().query("update task set state = 'confirmed' where id = 'bumped'");
    expect(await free()).toEqual([]);
    expect(await reserve(outpoint, taskId)).toBe("23514");
    expect(await sumCoins(pool())).toMatchObject({ unconfirmed: 0n });
    await pool().query("update task set state = 'signed' where id = $1", [taskId]);
    await pool().query("update task set state = 'refused' where id = 'bumped'");
    expect(await free()).toHaveLength(1);
  });

  it("what is built upon is not replaced, until it is not built upon any more", async () => {
    const { taskId } = await change();
    await putWithdrawal(pool(), { id: "w-2", amountSat: 100_000n });
    await planned(await plan(pool()));
    expect(await transaction(pool(), (tx) => isBuiltUpon(tx, taskId))).toBe(true);
    expect(await replacement("bumped", taskId)).toBe("23514");
    // Seen in a block that was taken back afterwards, it is built upon all the same.
    await pool().query("update coin set height = 102 where made_by is not null");
    expect(await transaction(pool(), (tx) => isBuiltUpon(tx, taskId))).toBe(true);
    expect(await replacement("bumped", taskId)).toBe("23514");
    await pool().query("update task_input set payout_id = null where task_id <> $1", [taskId]);
    await pool().query("delete from reservation where payout_id <> $1", [taskId]);
    expect(await replacement("bumped", taskId)).toBe("stored");
  });

  it("holds when both come at the same time: exactly one of them gets through", async () => {
    const won = { reserved: 0, replaced: 0 };
    for (let round = 0; round < 24; round += 1) {
      const id = `parent-${round}`;
      const outpoint = `${round.toString(16).padStart(64, "0")}:1`;
      await pool().query(
        `insert into task (id, wallet_id, transaction_id, psbt, fee_sat, change_sat, payout_id, state)
         values ($1, 'hot-1', $1, '', 0, 0, $1, 'signed'), ($2, 'hot-1', $2, '', 0, 0, $2, 'planned')`,
        [id, `${id}-child`],
      );
      await pool().query(
        `insert into coin (outpoint, wallet_id, amount_sat, branch, path_index, previous_transaction, made_by)
         values ($1, 'hot-1', 1, 1, 0, '', $2)`,
        [outpoint, id],
      );
      const both = [() => reserve(outpoint, `${id}-child`), () => replacement(`${id}-bumped`, id)] as const;
      const [first, second] = round % 2 === 0 ? both : both.toReversed();
      const ends = await Promise.all([first?.(), second?.()]);
      expect(ends.toSorted()).toEqual(["23514", "stored"]);
      const reserved = round % 2 === 0 ? ends[0] : ends[1];
      won[reserved === "stored" ? "reserved" : "replaced"] += 1;
    }
    process.stdout.write(
      `of 24 meetings ${won.reserved} reserved the change and ${won.replaced} replaced its transaction\n`,
    );
  });
});
