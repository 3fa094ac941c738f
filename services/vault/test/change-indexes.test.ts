// Which address of the wallet a change goes to: vault's tables on a real server.
import { randomUUID } from "node:crypto";
import { planInternalTransfer, planPayout } from "@sluice/chains";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import { DESTINATION } from "@sluice/signing-fixtures";
import { coinMismatch, nextChangeIndex, returnChangeIndex, upsertCoin, useChangeIndex } from "@sluice/wallet-memory";
import { beforeAll, describe, expect, it } from "vitest";
import { poolOf, useVaultDatabase } from "./support/database.ts";
import { createTestWallet, fund } from "./support/holders.ts";

const { descriptor, gapLimit } = createTestWallet();

let pool: Pool;
const database = useVaultDatabase();
beforeAll(() => {
  pool = poolOf(database.pools);
});

const newWallet = () => ({ walletId: randomUUID(), descriptor, gapLimit });

/** A plan whose change goes to this index. */
function planTo(changeIndex: number): Uint8Array {
  const planned = planPayout({
    ...{ wallet: descriptor, coins: [fund({ descriptor })], changeIndex, feeRateSatPerVbyte: 2 },
    payments: [{ withdrawalId: "w", address: DESTINATION, amountSat: 100_000n }],
  });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value.psbt;
}

async function take(tx: Transaction, walletId: string): Promise<number> {
  const index = await nextChangeIndex(tx, walletId);
  await useChangeIndex(tx, walletId, index);
  return index;
}

describe("change", () => {
  it("goes to an address of its own each time, past the gap limit too, in every wallet for itself", async () => {
    const [one, other] = [newWallet(), newWallet()];
    const taken: number[] = [];
    await transaction(pool, async (tx) => {
      for (let nth = 0; nth < gapLimit + 5; nth += 1) taken.push(await take(tx, one.walletId));
    });
    expect(taken).toEqual(Array.from({ length: gapLimit + 5 }, (_, index) => index));
    expect(await transaction(pool, (tx) => take(tx, other.walletId))).toBe(0);
  });

  it("has one address for each of two who plan at the same time", async () => {
    const { walletId } = newWallet();
    const both = await Promise.all([0, 1].map(() => transaction(pool, (tx) => take(tx, walletId))));
    expect(both.toSorted()).toEqual([0, 1]);
  });

  it("of a plan that was refused frees its address, unless a later one is out or the chain knows it", async () => {
    const wallet = newWallet();
    const { walletId } = wallet;
    const first = planTo(0);
    await transaction(pool, async (tx) => {
      for (let refused = 0; refused < gapLimit + 1; refused += 1) {
        expect(await take(tx, walletId)).toBe(0);
        await returnChangeIndex(tx, wallet, first);
      }
      expect([await take(tx, walletId), await take(tx, walletId)]).toEqual([0, 1]);
      await returnChangeIndex(tx, wallet, first);
      expect(await nextChangeIndex(tx, walletId)).toBe(2);
      await upsertCoin(tx, walletId, fund({ descriptor }, 5_000n, 1, 1), 7, true);
      await returnChangeIndex(tx, wallet, planTo(1));
      expect(await nextChangeIndex(tx, walletId)).toBe(2);
    });
  });

  it("of an internal transfer that was refused frees all its addresses, if they are the last", async () => {
    const wallet = newWallet();
    const { walletId } = wallet;
    const fannedOut = planInternalTransfer({
      ...{ wallet: descriptor, inputs: [fund({ descriptor })], outputs: 3, changeIndexes: [1, 2, 3] },
      feeRateSatPerKvbyte: 2_000n,
    });
    if (!fannedOut.ok) throw new Error(fannedOut.refusal.detail);
    const { psbt } = fannedOut.value;
    await transaction(pool, async (tx) => {
      await useChangeIndex(tx, walletId, 3);
      await returnChangeIndex(tx, wallet, psbt);
      expect(await nextChangeIndex(tx, walletId)).toBe(1);
      await useChangeIndex(tx, walletId, 4);
      await returnChangeIndex(tx, wallet, psbt);
      expect(await nextChangeIndex(tx, walletId)).toBe(5);
    });
    const another = newWallet();
    await transaction(pool, async (tx) => {
      await useChangeIndex(tx, another.walletId, 3);
      await upsertCoin(tx, another.walletId, fund({ descriptor }, 5_000n, 2, 1), 7, true);
      await returnChangeIndex(tx, another, psbt);
      expect(await nextChangeIndex(tx, another.walletId)).toBe(4);
    });
  });

  it("that comes back from the chain at any index below a million is a coin", () => {
    const wallet = newWallet();
    expect(coinMismatch(fund({ descriptor }, 5_000n, gapLimit, 1), wallet)).toBeNull();
    expect(coinMismatch(fund({ descriptor }, 5_000n, 999_999, 1), wallet)).toBeNull();
    expect(coinMismatch(fund({ descriptor }, 5_000n, 1_000_000, 1), wallet)).toContain("index 1000000");
  });
});
