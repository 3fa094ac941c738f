// Reorganisations of any depth up to a hundred blocks: what was said is taken back, and it completes on the new chain.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Chain, startChain } from "./chain.ts";
import { type Following, openFollowing, replaceBlocks } from "./following.ts";

let chain: Chain;
let following: Following;

beforeAll(async () => {
  chain = await startChain();
  await chain.fund();
  following = await openFollowing(chain);
});
afterAll(async () => {
  await following.close();
  await chain.stop();
});

describe("a reorganisation", () => {
  it.each([1, 6, 100])(
    "of %i blocks takes back the transaction and the coin in the first of them; both come back on the new chain",
    async (depth) => {
      const { round, release, said, wallet } = following;
      const signed = await chain.sign();
      const deposit = await chain.sign({ [wallet.addressAt(0, 0)]: 10_000n + BigInt(depth) });
      const coin = async () =>
        [
          ...(await said("coin.observed.v1", wallet.walletId)).map((message) => ({ ...message, told: "observed" })),
          ...(await said("coin.vanished.v1", wallet.walletId)).map((message) => ({ ...message, told: "vanished" })),
        ]
          .filter(({ transactionId }) => transactionId === deposit.txid)
          .toSorted((a, b) => (a.revision ?? 0) - (b.revision ?? 0));
      await release(signed);
      await chain.mineOnly([signed, deposit].map(({ bytes }) => bytes.toString("hex")));
      await round();
      await chain.mine(depth - 1);
      await round();
      const before = ["broadcast", "included", ...(depth >= 3 ? ["confirmed"] : [])];
      expect(await following.words(signed.txid)).toEqual(before);

      await replaceBlocks(chain, depth);
      await round();
      expect(await following.words(signed.txid)).toEqual([...before, "reorged"]);
      expect((await coin()).map(({ told }) => told)).toEqual(["observed", "vanished"]);
      const [first, gone] = await coin();
      expect({ ...gone, told: "", revision: 0 }).toEqual({
        ...{ walletId: "hot-1", transactionId: deposit.txid, vout: first?.vout, amountSat: 10_000n + BigInt(depth) },
        ...{ branch: 0, index: 0, blockHash: first?.blockHash, height: first?.height, told: "", revision: 0 },
      });
      // A node puts back into its mempool only what was in the last few blocks: the rest has to be sent again.
      await round();
      expect(await chain.isInMempool(signed.txid)).toBe(true);
      await chain.rpc("sendrawtransaction", deposit.bytes.toString("hex")).catch(() => undefined);

      await chain.mine(1);
      await round();
      await chain.mine(2);
      await round();
      expect(await following.words(signed.txid)).toEqual([...before, "reorged", "included", "confirmed"]);
      const confirmed = await said("transaction.confirmed.v1", signed.txid);
      // After a deep one it is confirmed twice, the second time under a higher number and in another block.
      expect(confirmed).toHaveLength(depth >= 3 ? 2 : 1);
      expect(await chain.rpc("getblockhash", confirmed.at(-1)?.height)).toBe(confirmed.at(-1)?.blockHash);
      const [reorged] = await said("transaction.reorged.v1", signed.txid);
      expect(confirmed.at(-1)?.revision).toBeGreaterThan(reorged?.revision ?? 0);
      if (depth >= 3) expect(reorged?.revision).toBeGreaterThan(confirmed[0]?.revision ?? 0);
      expect(confirmed[0]?.blockHash === confirmed[1]?.blockHash).toBe(false);
      const back = await coin();
      expect(back.map(({ told }) => told)).toEqual(["observed", "vanished", "observed"]);
      expect(new Set(back.map(({ revision }) => revision)).size).toBe(3);
    },
  );

  it("back to the block that was given up is followed as well: the same coin in the same block is told of again", async () => {
    const deposit = await chain.pay({ [following.wallet.addressAt(1, 1)]: 77_000n });
    const [block = ""] = await chain.mine(1);
    await following.round();
    await chain.rpc("invalidateblock", block);
    await chain.mineOnly([]);
    await chain.mineOnly([]);
    await following.round();
    const [other = ""] = [await chain.rpc<string>("getblockhash", (await chain.height()) - 1)];
    await chain.rpc("invalidateblock", other);
    await chain.rpc("reconsiderblock", block);
    await chain.mineOnly([]);
    await following.round();
    const coins = (await following.said("coin.observed.v1")).filter(({ transactionId }) => {
      return transactionId === deposit.txid;
    });
    expect(coins.map(({ blockHash }) => blockHash)).toEqual([block, block]);
    const { rows } = await following.pool.query("select message_id from outbox group by 1 having count(*) > 1");
    expect(rows).toEqual([]);
  });
});
