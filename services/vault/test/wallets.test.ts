// Two wallets of one deployment: each is planned in its own lane, and what waits goes to whichever can pay it.
import { decodePayout, INDEX_LIMIT, type Wallet } from "@sluice/chains";
import { type Pool, transaction } from "@sluice/postgres";
import { stopLane, upsertCoin } from "@sluice/wallet-memory";
import { expect, it } from "vitest";
import { planWallet } from "../src/plan-wallet.ts";
import { createTestWallet, fund } from "./support/holders.ts";
import { wallet as first, POLICY, poolOf, putWithdrawal, sealers, usePlanningDatabase } from "./support/planning.ts";

const other = createTestWallet();
const second: Wallet = { walletId: "hot-2", descriptor: other.descriptor, gapLimit: other.gapLimit };
const { pools } = usePlanningDatabase(2);

const plan = (pool: Pool, wallet: Wallet) => transaction(pool, (tx) => planWallet(tx, wallet, POLICY, sealers.vault));

async function put(coinsOf: readonly Wallet[], withdrawals: number): Promise<void> {
  const pool = poolOf(pools);
  for (const { walletId, descriptor } of coinsOf) {
    for (const index of [0, 1, 2]) {
      await transaction(pool, (tx) => upsertCoin(tx, walletId, fund({ descriptor }, 900_000n, index), 101, true));
    }
  }
  for (let at = 0; at < withdrawals; at += 1) await putWithdrawal(pool, { id: `w-${at}`, amountSat: 100_000n });
}

/** By wallet, what its tasks pay; each task spends and returns to coins of its own wallet. */
async function paidBy(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { rows } = await poolOf(pools).query<{ walletId: string; psbt: Buffer; ids: readonly string[] }>(
    `select wallet_id as "walletId", psbt, array_agg(withdrawal_id order by position) as ids
     from task join task_withdrawal on task_id = id group by id order by planned_at`,
  );
  const paid: Record<string, string[]> = {};
  for (const { walletId, psbt, ids } of rows) {
    const { descriptor, gapLimit } = walletId === first.walletId ? first : second;
    expect(decodePayout(psbt, descriptor, { gapLimit, indexLimit: INDEX_LIMIT }).ok).toBe(true);
    paid[walletId] = [...(paid[walletId] ?? []), ...ids];
  }
  return paid;
}

it("are planned side by side, and no withdrawal by both", async () => {
  await put([first, second], 9);
  const [pool, peer] = pools as readonly [Pool, Pool];
  await transaction(pool, async (tx) => {
    expect(await planWallet(tx, first, POLICY, sealers.vault)).toMatchObject({ kind: "planned", withdrawals: 3 });
    // While the first one's plan is not committed, the second neither waits for it nor takes what it has in hand.
    expect(await plan(peer, second)).toMatchObject({ kind: "waiting" });
    expect(await plan(peer, first)).toEqual({ kind: "busy" });
  });
  expect(await plan(peer, second)).toMatchObject({ kind: "planned", withdrawals: 3 });
  expect(await plan(pool, first)).toMatchObject({ kind: "planned", withdrawals: 3 });
  const paid = await paidBy();
  expect([paid["hot-1"]?.length, paid["hot-2"]?.length]).toEqual([6, 3]);
  expect(new Set(Object.values(paid).flat()).size).toBe(9);
});

it("go on when the other's lane is stopped, which is no reason for what both may pay", async () => {
  await put([first, second], 3);
  const [pool, peer] = pools as readonly [Pool, Pool];
  const stopped = { walletId: "hot-1", transactionId: "ef".repeat(32), outpoint: `${"ab".repeat(32)}:0` };
  const codes = async () =>
    (await pool.query<{ code: string }>("select distinct waiting_code as code from withdrawal")).rows;
  await transaction(pool, (tx) => stopLane(tx, { ...stopped, ourTransactionId: "cd".repeat(32) }));
  try {
    expect(await plan(pool, first)).toMatchObject({ kind: "waiting", changed: 3 });
    expect(await codes()).toEqual([{ code: "LANE_STOPPED" }]);
    expect(await plan(peer, second)).toMatchObject({ kind: "planned", withdrawals: 3 });
    expect(await paidBy()).toEqual({ "hot-2": ["w-0", "w-1", "w-2"] });

    // Too much for the one that goes on: that stays the reason, and a refill is asked for that one.
    await putWithdrawal(pool, { id: "large", amountSat: 90_000_000n });
    expect(await plan(pool, first)).toMatchObject({ kind: "waiting", changed: 1 });
    expect(await plan(peer, second)).toMatchObject({ kind: "waiting", changed: 1 });
    expect(await plan(pool, first)).toMatchObject({ kind: "waiting", changed: 0 });
    const waiting = "select waiting_code as code from withdrawal where id = 'large'";
    expect((await pool.query(waiting)).rows).toEqual([{ code: "INSUFFICIENT_FUNDS" }]);
  } finally {
    await pool.query("truncate stopped_lane");
  }
});

it("leave to each other what one of them cannot pay", async () => {
  await put([first], 3);
  const [pool, peer] = pools as readonly [Pool, Pool];
  const empty = await plan(peer, second);
  expect(empty.kind === "waiting" && [...empty.codes.values()]).toEqual(new Array(3).fill("INSUFFICIENT_FUNDS"));
  expect(await plan(pool, first)).toMatchObject({ kind: "planned", withdrawals: 3 });
  expect(await paidBy()).toEqual({ "hot-1": ["w-0", "w-1", "w-2"] });
});
