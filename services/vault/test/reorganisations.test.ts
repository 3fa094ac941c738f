// What the chain takes back: vault's tables on a real server, its handlers called as the consumer calls them.
import { randomUUID } from "node:crypto";
import { type Coin, outpointOf, planPayout } from "@sluice/chains";
import type { MessageOf, Opened } from "@sluice/contracts";
import { type Handler, handleOnce } from "@sluice/messaging";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import { DESTINATION } from "@sluice/signing-fixtures";
import { addChange, freeCoins, insertWithdrawal, listTasks, markPlanned, reserveCoins } from "@sluice/wallet-memory";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { handleCoinObserved } from "../src/handlers/coin-observed.ts";
import { handleCoinVanished } from "../src/handlers/coin-vanished.ts";
import { handleTransactionConfirmed } from "../src/handlers/transaction-confirmed.ts";
import { handleTransactionReorged } from "../src/handlers/transaction-reorged.ts";
import { insertTask, takeRequest } from "../src/store/tasks.ts";
import { poolOf, useVaultDatabase } from "./support/database.ts";
import { createTestWallet, fund } from "./support/holders.ts";

const wallet = createTestWallet();
const walletId = "hot-1";
const wallets = new Map([[walletId, { walletId, descriptor: wallet.descriptor, gapLimit: wallet.gapLimit }]]);

let pool: Pool;
const database = useVaultDatabase();
beforeAll(() => {
  pool = poolOf(database.pools);
});

const outpointsOf = (coins: readonly { readonly txid: string; readonly vout: number }[]) => coins.map(outpointOf);

type Told = (tx: Transaction) => Promise<unknown>;

const handed =
  <T extends "coin.observed.v1" | "coin.vanished.v1" | "transaction.confirmed.v1" | "transaction.reorged.v1">(
    type: T,
    handler: Handler<T>,
    message: MessageOf<T>,
  ): Told =>
  (tx) => {
    const rest = { key: "k", producer: "blockchain-gateway", keyId: "k", occurredAtMs: 1 } as const;
    const opened = { type, id: `${type}/${JSON.stringify(message, written)}`, message, ...rest } as unknown;
    return handleOnce(tx, { ...(opened as Opened), envelope: new Uint8Array() } as never, handler as never);
  };

function written(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length;
  return typeof value === "bigint" ? String(value) : value;
}

const block = (revision: number) => ({ blockHash: revision.toString(16).padStart(64, "0"), height: 100 + revision });

const observed = ({ txid, ...coin }: Coin, revision: number): Told =>
  handed("coin.observed.v1", handleCoinObserved(wallets as never), {
    ...{ ...coin, walletId, transactionId: txid, ...block(revision), revision },
  });

const vanished = ({ txid, vout, amountSat, branch, index }: Coin, revision: number): Told =>
  handed("coin.vanished.v1", handleCoinVanished, {
    ...{ walletId, transactionId: txid, vout, amountSat, branch, index, ...block(revision), revision },
  });

const about = (transactionId: string, revision: number) => ({
  ...{ transactionId, withdrawals: [{ withdrawalId: "w-1", attempt: 1 }], ...block(revision), revision },
});
const confirmed = (txid: string, revision: number): Told =>
  handed("transaction.confirmed.v1", handleTransactionConfirmed, { ...about(txid, revision), confirmations: 6 });
const reorged = (txid: string, revision: number): Told =>
  handed("transaction.reorged.v1", handleTransactionReorged, about(txid, revision));

/** In a transaction that is undone, so that each run begins with empty tables. */
async function withoutTrace(work: (tx: Transaction) => Promise<void>): Promise<void> {
  const undo = new Error("undone");
  await expect(
    transaction(pool, async (tx) => {
      await work(tx);
      throw undo;
    }),
  ).rejects.toBe(undo);
}

/** A task for withdrawal w-1 with these coins, signed unless told otherwise. Resolves to its transaction. */
async function plan(tx: Transaction, coins: readonly Coin[], state: "signed" | "planned" = "signed") {
  const payments = [{ withdrawalId: "w-1", address: DESTINATION, amountSat: 150_000n }];
  const planned = planPayout({
    ...{ wallet: wallet.descriptor, coins, requiredOutpoints: outpointsOf(coins), payments },
    ...{ changeIndex: 0, feeRateSatPerVbyte: 2 },
  } as never);
  if (!planned.ok) throw new Error(planned.refusal.detail);
  const taskId = randomUUID();
  const transactionId = planned.value.txid;
  await insertWithdrawal(tx, {
    ...{ withdrawalId: "w-1", clearance: Buffer.of(1), account: "alice", address: DESTINATION, amountSat: 150_000n },
    ...{ priority: "normal", dueInMs: 0 },
  });
  await markPlanned(tx, walletId, ["w-1"]);
  await insertTask(tx, {
    ...{ taskId, walletId, transactionId, psbt: planned.value.psbt, feeSat: 500n, changeSat: 0n, vbytes: 300 },
    ...{ withdrawals: [{ withdrawalId: "w-1", attempt: 1 }], replaces: null, reason: null },
  });
  await reserveCoins(tx, taskId, outpointsOf(planned.value.inputs));
  if (state === "signed") {
    await tx.query("update task set state = 'signed', transaction = '\\x01', taken_at = now() where id = $1", [taskId]);
    await tx.query("update withdrawal set state = 'signed'");
  }
  return { taskId, transactionId };
}

/** All that has to be the same again. */
async function picture(tx: Transaction): Promise<unknown> {
  const read = async (sql: string) => (await tx.query(sql)).rows;
  return {
    coins: await read("select outpoint, state, spent_by from coin order by outpoint"),
    seen: await read("select outpoint, present from coin_sighting order by outpoint"),
    reserved: await read(
      "select outpoint, position from reservation join task_input using (outpoint, payout_id) order by position",
    ),
    tasks: await read("select state from task"),
    withdrawals: await read("select id, state from withdrawal"),
    free: outpointsOf(await freeCoins(tx, walletId, [])),
  };
}

describe("a coin that left the best chain", () => {
  const coins = [fund(wallet, 100_000n), fund(wallet, 200_000n)] as const;

  it("is not planned until it is back, in whichever block", async () => {
    await withoutTrace(async (tx) => {
      await observed(coins[0], 1)(tx);
      expect(await freeCoins(tx, walletId, [])).toHaveLength(1);
      await vanished(coins[0], 2)(tx);
      expect(await freeCoins(tx, walletId, [])).toEqual([]);
      await observed(coins[0], 3)(tx);
      expect(await freeCoins(tx, walletId, [])).toHaveLength(1);
    });
  });

  it("takes a task that never left vault with it: its withdrawal is planned anew with other coins", async () => {
    await withoutTrace(async (tx) => {
      for (const [at, coin] of coins.entries()) await observed(coin, at + 1)(tx);
      const { taskId } = await plan(tx, coins, "planned");
      await vanished(coins[0], 9)(tx);
      expect(await picture(tx)).toMatchObject({
        ...{ reserved: [], tasks: [{ state: "refused" }], withdrawals: [{ id: "w-1", state: "cleared" }] },
        free: outpointsOf([coins[1]]),
      });
      expect(await takeRequest(tx, taskId)).toBeNull();
      expect((await tx.query("select waiting_code from withdrawal")).rows).toEqual([{ waiting_code: "COIN_VANISHED" }]);
    });
  });

  it("leaves alone a task that may be signed: it keeps all its coins, and a person reads what it waits for", async () => {
    await withoutTrace(async (tx) => {
      for (const [at, coin] of coins.entries()) await observed(coin, at + 1)(tx);
      const { taskId } = await plan(tx, coins, "planned");
      expect(await takeRequest(tx, taskId)).not.toBeNull();
      await vanished(coins[1], 9)(tx);
      const [listed] = await listTasks(tx, 10);
      expect(listed).toMatchObject({ taskId, state: "planned", vanishedCoins: outpointsOf([coins[1]]) });
      expect(await freeCoins(tx, walletId, [])).toEqual([]);
      await observed(coins[1], 10)(tx);
      expect((await listTasks(tx, 10))[0]?.vanishedCoins).toEqual([]);
    });
  });
});

describe("change of a transaction of our own", () => {
  it("is not planned while in a block that may be taken back, if another version may win there; gone, it holds that off", async () => {
    await withoutTrace(async (tx) => {
      const [coin, change] = [fund(wallet, 200_000n), fund(wallet, 40_000n)];
      await observed(coin, 1)(tx);
      const { taskId, transactionId } = await plan(tx, [coin]);
      await addChange(tx, { taskId, walletId, coin: change });
      await observed(change, 2)(tx);
      const isFree = async () => outpointsOf(await freeCoins(tx, walletId, [])).includes(outpointOf(change));
      expect(await isFree()).toBe(true);
      // A later word is heard first: it is in no block, and an older sighting does not put it back into one.
      await vanished(change, 5)(tx);
      await observed(change, 4)(tx);
      const { rows } = await tx.query("select height from coin where outpoint = $1", [outpointOf(change)]);
      expect(rows).toEqual([{ height: null }]);
      await observed(change, 6)(tx);
      expect(await isFree()).toBe(true);
      await tx.query(
        `insert into task (id, wallet_id, transaction_id, psbt, fee_sat, change_sat, payout_id, replaces)
         select 'newer', wallet_id, repeat('ab', 32), psbt, fee_sat, change_sat, payout_id, id from task`,
      );
      expect(await isFree()).toBe(false);
      await confirmed(transactionId, 7)(tx);
      expect(await isFree()).toBe(true);
    });
  });
});

describe("a confirmed transaction whose block left the best chain", () => {
  it("has its coins reserved in their old places, and is confirmed again in another block", async () => {
    await withoutTrace(async (tx) => {
      const coins = [fund(wallet, 100_000n), fund(wallet, 200_000n), fund(wallet, 50_000n)];
      for (const [at, coin] of coins.entries()) await observed(coin, at + 1)(tx);
      const { transactionId } = await plan(tx, coins);
      const before = await picture(tx);
      await confirmed(transactionId, 10)(tx);
      expect(await picture(tx)).toMatchObject({ reserved: [], withdrawals: [{ state: "confirmed" }] });
      await reorged(transactionId, 11)(tx);
      expect(await picture(tx)).toEqual(before);
      await confirmed(transactionId, 12)(tx);
      await confirmed(transactionId, 13)(tx);
      expect(await picture(tx)).toMatchObject({ reserved: [], tasks: [{ state: "confirmed" }], free: [] });
    });
  });
});

describe("two versions of one payout", () => {
  it("whichever is final wins; a reorganisation turns it round; older news changes nothing and nothing is left over", async () => {
    await withoutTrace(async (tx) => {
      const coins = [fund(wallet, 100_000n), fund(wallet, 200_000n), fund(wallet, 70_000n)];
      for (const [at, coin] of coins.entries()) await observed(coin, at + 1)(tx);
      const [a, b, more] = outpointsOf(coins) as [string, string, string];
      const first = await plan(tx, coins.slice(0, 2));
      const second = { taskId: randomUUID(), transactionId: "bb".repeat(32) };
      await insertTask(tx, {
        ...{ ...second, walletId, psbt: Buffer.of(1), feeSat: 900n, changeSat: 0n, vbytes: 400, reason: null },
        ...{ withdrawals: [{ withdrawalId: "w-1", attempt: 2 }], replaces: first.taskId },
      });
      await reserveCoins(tx, second.taskId, [a, b, more]);
      await tx.query("update task set state = 'signed', transaction = '\\x02' where id = $1", [second.taskId]);
      const standing = async () => {
        const tasks = await tx.query<{ id: string; state: string }>("select id, state from task");
        const held = await tx.query("select from reservation");
        const spent = await tx.query<{ outpoint: string }>("select outpoint from coin where spent_by is not null");
        const stateOf = ({ taskId }: { taskId: string }) => tasks.rows.find(({ id }) => id === taskId)?.state;
        return [stateOf(first), stateOf(second), held.rowCount, spent.rows.map(({ outpoint }) => outpoint).toSorted()];
      };
      expect(await standing()).toEqual(["signed", "signed", 3, []]);

      await confirmed(first.transactionId, 10)(tx);
      expect(await standing()).toEqual(["confirmed", "superseded", 0, [a, b].toSorted()]);
      // The other one's own coin is a coin again, but signatures over it exist: no other payout may have it.
      expect(await freeCoins(tx, walletId, [])).toEqual([]);
      expect((await tx.query("select from coin where outpoint = $1 and tied_to is not null", [more])).rowCount).toBe(1);

      await reorged(first.transactionId, 11)(tx);
      expect(await standing()).toEqual(["signed", "signed", 3, []]);
      await confirmed(second.transactionId, 14)(tx);
      const end = ["superseded", "confirmed", 0, [a, b, more].toSorted()];
      expect(await standing()).toEqual(end);
      await confirmed(first.transactionId, 12)(tx);
      await reorged(first.transactionId, 13)(tx);
      expect(await standing()).toEqual(end);
      expect((await tx.query("select distinct state from withdrawal")).rows).toEqual([{ state: "confirmed" }]);
    });
  });
});

describe("any order of any number of repetitions", () => {
  it("of what the gateway says of coins and a transaction ends in the state of its newest words", async () => {
    const ends = new Map<string, number>();
    let repeated = 0;
    const coins = [fund(wallet, 100_000n), fund(wallet, 200_000n), fund(wallet, 70_000n)] as const;
    const stays = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.tuple(stays, stays, stays), fc.infiniteStream(fc.nat()), async (lives, numbers) => {
        await withoutTrace(async (tx) => {
          // The task's coins are known, and the third one's whole life comes in disorder.
          for (const coin of coins.slice(0, 2)) await observed(coin, 1)(tx);
          const { transactionId } = await plan(tx, coins.slice(0, 2));
          const [paid, spent, third] = lives.map((life) => life.map((there, at) => ({ there, revision: 2 + at })));
          const told = [
            ...(paid ?? []).map(({ there, revision }) => (there ? confirmed : reorged)(transactionId, revision)),
            ...(spent ?? []).map(({ there, revision }) => (there ? observed : vanished)(coins[0], revision)),
            ...(third ?? []).map(({ there, revision }) => (there ? observed : vanished)(coins[2], revision)),
          ];
          const again = told.filter((_, at) => at % 2 === 0);
          repeated += again.length;
          for (const each of inOrderOf([...told, ...again], numbers)) await each(tx);
          const isConfirmed = paid?.at(-1)?.there === true;
          const isThere = third?.at(-1)?.there === true;
          expect(await picture(tx)).toMatchObject({
            tasks: [{ state: isConfirmed ? "confirmed" : "signed" }],
            withdrawals: [{ state: isConfirmed ? "confirmed" : "signed" }],
            free: isThere ? outpointsOf([coins[2]]) : [],
          });
          const { reserved, seen } = (await picture(tx)) as { reserved: readonly unknown[]; seen: readonly unknown[] };
          expect(reserved).toHaveLength(isConfirmed ? 0 : 2);
          expect(seen).toContainEqual({ outpoint: outpointsOf([coins[0]])[0], present: spent?.at(-1)?.there });
          const end = `${isConfirmed ? "confirmed" : "signed"}, ${isThere ? "there" : "gone"}`;
          ends.set(end, (ends.get(end) ?? 0) + 1);
        });
      }),
      { numRuns: 60 },
    );
    process.stdout.write(`vault: ${repeated} words of the chain came again; ends: ${JSON.stringify([...ends])}\n`);
    expect(ends.size).toBe(4);
  });
});

/** A shuffle by the given numbers. */
function inOrderOf<T>(items: readonly T[], numbers: Iterator<number>): readonly T[] {
  return items
    .map((item) => ({ item, by: Number(numbers.next().value) }))
    .toSorted((a, b) => a.by - b.by)
    .map(({ item }) => item);
}
