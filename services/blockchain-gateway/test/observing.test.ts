// Coins of the wallets, as the gateway finds them in the blocks of a real node.
import { decodeTransaction } from "@sluice/chains";
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Chain, startChain } from "./chain.ts";
import { coinsOf, type Gateway, openGateway, readUp } from "./gateway.ts";

let chain: Chain;
let gateway: Gateway;
let running: ServiceProcess;

beforeAll(async () => {
  chain = await startChain();
  await chain.fund();
  gateway = await openGateway(chain);
  running = await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await chain.stop();
});

/** The coins of a transaction, as "wallet/branch/index amount". */
async function coinsIn(txid: string): Promise<readonly string[]> {
  return (await coinsOf(gateway))
    .filter(({ message }) => message.transactionId === txid)
    .map(({ message }) => `${message.walletId}/${message.branch}/${message.index} ${message.amountSat}`)
    .toSorted();
}

describe("a coin", () => {
  it("at the first script and at the last one before the gap limit is observed once, with its whole transaction", async () => {
    const [hot] = gateway.wallets;
    const paid = await chain.pay({ [hot.addressAt(0, 0)]: 70_000n, [hot.addressAt(0, 4)]: 70_001n });
    await chain.mine(1);
    await until(
      () => coinsIn(paid.txid),
      ({ length }) => length >= 2,
    );
    await chain.mine(2);
    await readUp(gateway);
    expect(await coinsIn(paid.txid)).toEqual(["hot-1/0/0 70000", "hot-1/0/4 70001"]);
    for (const { id, key, message } of await coinsOf(gateway)) {
      const whole = decodeTransaction(message.previousTransaction);
      expect(whole.txid).toBe(paid.txid);
      expect(Buffer.from(message.previousTransaction).equals(paid.bytes)).toBe(true);
      expect(whole.outputs[message.vout]?.amountSat).toBe(message.amountSat);
      expect(key).toBe("hot-1");
      expect(id).toBe(`hot-1/${paid.txid}:${message.vout}/${message.blockHash}/${message.revision}`);
      expect(await chain.rpc("getblockhash", message.height)).toBe(message.blockHash);
    }
  });

  it("beyond the gap limit is seen only when the scripts before it were used, if need be in the same block", async () => {
    const [, hot] = gateway.wallets;
    const unseen = await chain.sign({ [hot.addressAt(1, 5)]: 60_000n });
    await chain.mineOnly([unseen.bytes.toString("hex")]);
    await readUp(gateway);
    // In the block's order the farthest comes first: reading once from top to bottom would see the nearest only.
    const far = await chain.sign({ [hot.addressAt(1, 14)]: 61_000n });
    const middle = await chain.sign({ [hot.addressAt(1, 9)]: 62_000n });
    const near = await chain.sign({ [hot.addressAt(1, 4)]: 63_000n });
    await chain.mineOnly([far, middle, near].map(({ bytes }) => bytes.toString("hex")));
    await until(
      () => coinsIn(near.txid),
      ({ length }) => length === 1,
    );
    expect(await coinsIn(near.txid)).toEqual(["hot-2/1/4 63000"]);
    expect(await coinsIn(middle.txid)).toEqual(["hot-2/1/9 62000"]);
    expect(await coinsIn(far.txid)).toEqual(["hot-2/1/14 61000"]);
    expect(await coinsIn(unseen.txid)).toEqual([]);
    // The other branch and the other wallet did not grow with it.
    const elsewhere = await chain.sign({
      [hot.addressAt(0, 5)]: 64_000n,
      [gateway.wallets[0].addressAt(1, 5)]: 64_001n,
    });
    const within = await chain.sign({ [hot.addressAt(1, 19)]: 65_000n });
    await chain.mineOnly([elsewhere, within].map(({ bytes }) => bytes.toString("hex")));
    await until(
      () => coinsIn(within.txid),
      ({ length }) => length === 1,
    );
    expect(await coinsIn(elsewhere.txid)).toEqual([]);
  });

  it("of change that is on its way is observed, also when a block brings the farthest first", async () => {
    const [hot] = gateway.wallets;
    const nearer = await chain.sign({ [hot.addressAt(1, 4)]: 55_000n });
    const farther = await chain.sign({ [hot.addressAt(1, 9)]: 56_000n });
    for (const transaction of [nearer, farther]) {
      await gateway.release(transaction);
      await until(
        async () =>
          (await gateway.pool.query("select from chain_transaction where txid = $1", [transaction.txid])).rowCount,
        (rows) => rows === 1,
      );
    }
    await chain.mineOnly([farther.bytes.toString("hex")]);
    await until(
      () => coinsIn(farther.txid),
      ({ length }) => length === 1,
    );
    await chain.mineOnly([nearer.bytes.toString("hex")]);
    await until(
      () => coinsIn(nearer.txid),
      ({ length }) => length === 1,
    );
    expect(await coinsIn(farther.txid)).toEqual(["hot-1/1/9 56000"]);
  });

  it("twice at one script and in one transaction is two coins", async () => {
    const [hot] = gateway.wallets;
    const one = await chain.sign({ [hot.addressAt(1, 0)]: 50_000n });
    const other = await chain.sign({ [hot.addressAt(1, 0)]: 50_000n, [hot.addressAt(1, 1)]: 50_000n });
    await chain.mineOnly([one, other].map(({ bytes }) => bytes.toString("hex")));
    await until(
      () => coinsIn(other.txid),
      ({ length }) => length === 2,
    );
    expect(await coinsIn(one.txid)).toEqual(["hot-1/1/0 50000"]);
    expect(await coinsIn(other.txid)).toEqual(["hot-1/1/0 50000", "hot-1/1/1 50000"]);
  });

  it("is observed before and after a restart, which watches what was used before", async () => {
    const [hot] = gateway.wallets;
    await running.kill();
    const paid = await chain.sign({ [hot.addressAt(0, 9)]: 40_000n });
    await chain.mineOnly([paid.bytes.toString("hex")]);
    running = await gateway.start();
    await until(
      () => coinsIn(paid.txid),
      ({ length }) => length === 1,
    );
    const ids = (await coinsOf(gateway)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the start height", () => {
  it("leaves out what was mined before, and counts for the first start only", async () => {
    const later = await openGateway(chain, { SLUICE_START_HEIGHT: "0" });
    try {
      const [hot] = later.wallets;
      await chain.pay({ [hot.addressAt(0, 0)]: 30_000n });
      await chain.mine(2);
      const height = await chain.height();
      const paidAt = async () => (await coinsOf(later)).map(({ message }) => Number(message.amountSat)).toSorted();
      const first = await later.start({ env: { SLUICE_START_HEIGHT: String(height + 1) } });
      const paid = await chain.pay({ [hot.addressAt(0, 0)]: 30_001n });
      await chain.mine(1);
      await until(
        () => coinsOf(later),
        ({ length }) => length >= 1,
      );
      const { rows } = await later.pool.query<{ height: number }>("select min(height) as height from block");
      expect(rows[0]?.height).toBe(height + 1);
      expect((await first.stop()).code).toBe(0);
      await later.start({ env: { SLUICE_START_HEIGHT: "0" } });
      await chain.mine(1);
      await readUp(later);
      expect(await paidAt()).toEqual([30_001]);
      expect((await coinsOf(later))[0]?.message.transactionId).toBe(paid.txid);
    } finally {
      await later.close();
    }
  });
});
