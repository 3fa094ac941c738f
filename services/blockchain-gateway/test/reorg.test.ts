// What the gateway does when blocks leave the best chain, when a node forgets, and when a node only knows less.
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Chain, startChain } from "./chain.ts";
import { coinsOf, factsOf, type Gateway, inState, openGateway, readUp, wordsOf } from "./gateway.ts";

let chain: Chain;
let gateway: Gateway;
let service: ServiceProcess;

beforeAll(async () => {
  chain = await startChain();
  await chain.fund();
  gateway = await openGateway(chain);
  service = await gateway.start();
});
afterAll(async () => {
  await gateway.close();
  await chain.stop();
});

/** Replaces the newest blocks by one more without transactions, as a longer chain of somebody else would. */
async function replaceBlocks(count: number): Promise<void> {
  const height = await chain.height();
  await chain.rpc("invalidateblock", await chain.rpc<string>("getblockhash", height - count + 1));
  for (let mined = 0; mined <= count; mined += 1) await chain.mineOnly([]);
}

async function expectRising(txid: string): Promise<void> {
  const revisions = (await factsOf(gateway, txid)).slice(1).map(({ revision }) => revision);
  expect(new Set(revisions).size).toBe(revisions.length);
  const arrived = await Promise.all(
    (["transaction.included.v1", "transaction.reorged.v1", "transaction.confirmed.v1"] as const).map(async (type) =>
      (await gateway.collected(type)).filter(({ key }) => key === txid).map(({ message }) => message.revision),
    ),
  );
  for (const inOrder of arrived) expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
}

/** What was said so far, once this was the last of it. */
function untilLast(txid: string, word: string): Promise<readonly string[]> {
  return until(
    () => wordsOf(gateway, txid),
    (said) => said.at(-1) === word,
  );
}

async function untilSaid(txid: string, words: readonly string[]): Promise<void> {
  await until(
    () => wordsOf(gateway, txid),
    (said) => said.join() === words.join(),
  );
}

describe("a reorganisation", () => {
  it.each([1, 2])(
    "of %i blocks takes the transaction back to broadcast, and it completes on the new chain",
    async (depth) => {
      const signed = await chain.sign();
      await gateway.release(signed);
      await inState(gateway, signed.txid, "broadcast");
      const before = ["broadcast"];
      for (let confirmations = 1; confirmations <= depth; confirmations += 1) {
        await chain.mine(1);
        before.push(`included ${confirmations}`);
        await untilSaid(signed.txid, before);
      }
      const old = (await factsOf(gateway, signed.txid)).at(-1);
      await replaceBlocks(depth);
      await untilSaid(signed.txid, [...before, "reorged"]);
      const reorged = (await factsOf(gateway, signed.txid)).at(-1);
      expect(reorged).toMatchObject({ blockHash: old?.blockHash, height: old?.height });
      await until(() => chain.isInMempool(signed.txid), Boolean);
      for (const word of ["included 1", "included 2", "confirmed 3"]) {
        await chain.mine(1);
        await untilLast(signed.txid, word);
      }
      expect(await wordsOf(gateway, signed.txid)).toEqual([
        ...before,
        "reorged",
        "included 1",
        "included 2",
        "confirmed 3",
      ]);
      const last = (await factsOf(gateway, signed.txid)).at(-1);
      expect(last?.blockHash).not.toBe(old?.blockHash);
      expect(await chain.rpc("getblockhash", last?.height)).toBe(last?.blockHash);
      await expectRising(signed.txid);
    },
  );

  it("of three blocks takes back even what was confirmed, and confirms it anew", async () => {
    const signed = await chain.sign();
    await gateway.release(signed);
    await inState(gateway, signed.txid, "broadcast");
    await chain.mine(3);
    await inState(gateway, signed.txid, "confirmed");
    await replaceBlocks(3);
    await untilLast(signed.txid, "reorged");
    expect(await gateway.row(signed.txid)).toMatchObject({ state: "broadcast", confirmations: 0 });
    await until(() => chain.isInMempool(signed.txid), Boolean);
    await chain.mine(3);
    await inState(gateway, signed.txid, "confirmed");
    await until(
      () => wordsOf(gateway, signed.txid),
      (said) => said.filter((word) => word === "confirmed 3").length === 2,
    );
    await expectRising(signed.txid);
  });

  it("while the gateway is down is found when it is back", async () => {
    const signed = await chain.sign();
    await gateway.release(signed);
    await inState(gateway, signed.txid, "broadcast");
    await chain.mine(2);
    const before = await untilLast(signed.txid, "included 2");
    await service.kill();
    await replaceBlocks(2);
    service = await gateway.start();
    await untilSaid(signed.txid, [...before, "reorged"]);
    await chain.mine(3);
    await inState(gateway, signed.txid, "confirmed");
    await expectRising(signed.txid);
  });

  it("shows a coin again under the block that it is in now", async () => {
    const [hot] = gateway.wallets;
    const paid = await chain.pay({ [hot.addressAt(0, 0)]: 20_000n });
    await chain.mine(1);
    const coins = async () => (await coinsOf(gateway)).filter(({ message }) => message.transactionId === paid.txid);
    const [first] = await until(coins, ({ length }) => length === 1);
    await replaceBlocks(1);
    await chain.mine(1);
    const [, second] = await until(coins, ({ length }) => length === 2);
    expect(second?.message.blockHash).not.toBe(first?.message.blockHash);
    expect(await chain.rpc("getblockhash", second?.message.height)).toBe(second?.message.blockHash);
    expect(second?.id).not.toBe(first?.id);
  });
});

describe("a node", () => {
  it("that forgot a transaction is given it again, the same bytes", async () => {
    const signed = await chain.sign();
    await gateway.release(signed);
    const { sends } = await inState(gateway, signed.txid, "broadcast");
    // Two weeks pass for the node, and the next transaction has it clear out what is that old.
    gateway.line.cut();
    await chain.rpc("setmocktime", Math.floor(Date.now() / 1_000) + 15 * 24 * 60 * 60);
    await chain.pay({ [await chain.newAddress()]: 10_000n });
    expect(await chain.isInMempool(signed.txid)).toBe(false);
    await chain.rpc("setmocktime", 0);
    gateway.line.mend();
    await until(() => chain.isInMempool(signed.txid), Boolean);
    expect(await chain.rpc("getrawtransaction", signed.txid)).toBe(signed.bytes.toString("hex"));
    await until(
      () => gateway.row(signed.txid),
      (row) => (row?.sends ?? 0) > sends,
    );
    expect(await wordsOf(gateway, signed.txid)).toEqual(["broadcast"]);
  });

  it("that only knows less, and contradicts nothing, undoes nothing", async () => {
    const signed = await chain.sign();
    await gateway.release(signed);
    await inState(gateway, signed.txid, "broadcast");
    await chain.mine(2);
    const before = await untilLast(signed.txid, "included 2");
    const height = await chain.height();
    const left = await chain.rpc<string>("getblockhash", height - 1);
    await chain.rpc("invalidateblock", left);
    expect(await chain.height()).toBe(height - 2);
    const rounds = async () => service.log().filter(({ msg }) => msg === "sent again").length;
    const count = await rounds();
    const other = await chain.sign();
    await gateway.release(other);
    await inState(gateway, other.txid, "broadcast");
    await until(rounds, (now) => now > count);
    expect(await gateway.readHeight()).toBe(height);
    expect(await wordsOf(gateway, signed.txid)).toEqual(before);
    expect((await service.get("/readyz")).status).toBe(200);
    await chain.rpc("reconsiderblock", left);
    await chain.mine(1);
    await inState(gateway, signed.txid, "confirmed");
    expect((await wordsOf(gateway, signed.txid)).includes("reorged")).toBe(false);
  });

  it("whose chain parts from the one read more than a hundred blocks back is not followed, and readiness says so", async () => {
    await readUp(gateway);
    await chain.mine(102);
    await readUp(gateway);
    const before = await gateway.readHeight();
    await replaceBlocks(101);
    const told = await until(
      () => service.get("/readyz"),
      ({ status }) => status === 503,
    );
    expect(told.json()).toMatchObject({ detail: "bitcoin nodes" });
    expect(told.text).toMatch(
      /nothing in common with the one read for 100 blocks, from height \d+ on: nothing is undone until/,
    );
    expect(await gateway.readHeight()).toBe(before);
    expect(await gateway.refusedByOthers()).toEqual([]);
  });
});
