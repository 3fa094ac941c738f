// Transactions that do not get into a block, and others in their way, on a real node.
import { until } from "@sluice/online-service/testing";
import { backUpDatabase } from "@sluice/postgres/testing";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { listTransactions } from "../src/store.ts";
import { type Chain, type SignedTransaction, startChain } from "./chain.ts";
import { type Following, openFollowing, replaceBlocks } from "./following.ts";

let chain: Chain;
let following: Following;

beforeAll(async () => {
  chain = await startChain();
  await chain.fund();
  following = await openFollowing(chain);
  await chain.mine(1);
  await following.round();
});
afterAll(async () => {
  await following.close();
  await chain.stop();
});

const hex = ({ bytes }: SignedTransaction) => bytes.toString("hex");
const conflictsOf = async (txid: string) =>
  (await following.said("transaction.conflicted.v1", txid)).map(
    ({ conflictingTransactionId: by, own, blockHash, confirmations }) => ({
      by,
      own,
      inBlock: blockHash !== "",
      confirmations,
    }),
  );
const stuckOf = (txid: string) => following.said("transaction.stuck.v1", txid);
const listed = async (txid: string) => (await listTransactions(following.pool)).find((one) => one.txid === txid);

describe("a replacement and what it replaces", () => {
  it("conflict with each other, each our own; whichever gets into a block wins, and a reorganisation may turn that round", async () => {
    const { round, release, words } = following;
    const original = await chain.sign();
    const replacement = await chain.signRival(original, 5_000n);
    const withdrawals = [{ withdrawalId: "w-replaced", attempt: 1 }];
    await release(original, withdrawals);
    await round();
    await release(replacement, withdrawals);
    await round();
    await round();
    expect(await chain.isInMempool(replacement.txid)).toBe(true);
    const waiting = { by: replacement.txid, own: true, inBlock: false, confirmations: 0 };
    expect(await conflictsOf(original.txid)).toEqual([waiting]);
    expect(await conflictsOf(replacement.txid)).toEqual([]);

    await chain.mine(1);
    await round();
    const included = { ...waiting, inBlock: true };
    expect(await conflictsOf(original.txid)).toEqual([waiting, { ...included, confirmations: 1 }]);
    const sends = (await listed(original.txid))?.sends;
    await round();
    await round();
    expect((await listed(original.txid))?.sends).toBe(sends);
    expect(await listed(original.txid)).toMatchObject({ conflict: { transactionId: replacement.txid, own: true } });

    // On the new chain it is the original that a miner took.
    await replaceBlocks(chain, 1, [hex(original)]);
    await round();
    expect(await words(replacement.txid)).toEqual(["broadcast", "included", "reorged", "conflicted"]);
    expect((await words(original.txid)).at(-1)).toBe("included");
    expect(await conflictsOf(replacement.txid)).toEqual([
      { by: original.txid, own: true, inBlock: true, confirmations: 2 },
    ]);
    await chain.mine(1);
    await round();
    expect((await words(original.txid)).at(-1)).toBe("confirmed");
    // It is final now, and deeper is no news.
    await chain.mine(1);
    await round();
    expect((await conflictsOf(replacement.txid)).map(({ confirmations }) => confirmations)).toEqual([2, 3]);
    expect(await stuckOf(replacement.txid)).toEqual([]);
    expect(await listed(original.txid)).toMatchObject({ state: "confirmed", conflict: null });
  });
});

describe("a stranger's transaction that spends one of our inputs", () => {
  it("is told of in the mempool and in each block up to where it is final, and ours comes back to life when it is gone", async () => {
    const { round, release } = following;
    const ours = await chain.sign();
    const theirs = await chain.signRival(ours, 7_000n);
    await chain.rpc("sendrawtransaction", hex(theirs));
    await release(ours);
    await round();
    const seen = { by: theirs.txid, own: false, inBlock: false, confirmations: 0 };
    expect(await conflictsOf(ours.txid)).toEqual([seen]);
    await round();
    expect(await conflictsOf(ours.txid)).toHaveLength(1);
    await chain.mine(1);
    await round();
    await chain.mine(2);
    await round();
    await chain.mine(2);
    await round();
    const told = await conflictsOf(ours.txid);
    expect(told.map(({ inBlock, confirmations }) => `${inBlock} ${confirmations}`)).toEqual([
      "false 0",
      "true 1",
      "true 3",
    ]);
    expect(new Set(told.map(({ own }) => own))).toEqual(new Set([false]));

    await replaceBlocks(chain, 5, [hex(ours)]);
    await round();
    expect((await following.words(ours.txid)).at(-1)).toBe("confirmed");
    expect(await listed(ours.txid)).toMatchObject({ conflict: null });
  });
});

describe("a transaction that pays less than blocks ask for", () => {
  it("is stuck, with the least fee that nodes take for a replacement; said once, again when more is asked for, and no more when it moves", async () => {
    const { round, release, askFor } = following;
    const signed = await chain.sign();
    const withdrawals = [{ withdrawalId: "w-slow", attempt: 2 }];
    await release(signed, withdrawals);
    askFor(null);
    await round();
    await round();
    expect(await stuckOf(signed.txid)).toEqual([]);
    // It pays 5 sat/vbyte.
    askFor(5_000n);
    await round();
    expect(await stuckOf(signed.txid)).toEqual([]);
    askFor(9_000n);
    await round();
    await round();
    const entry = await chain.rpc<{ vsize: number; fees: { base: number } }>("getmempoolentry", signed.txid);
    const feeSat = BigInt(Math.round(entry.fees.base * 1e8));
    const [stuck, ...more] = await stuckOf(signed.txid);
    expect(more).toEqual([]);
    expect(stuck).toMatchObject({
      ...{ withdrawals, code: "FEE_TOO_LOW", wantedSatPerKvbyte: 9_000n, descendants: 0 },
      replacementFeeSat: feeSat + (await relaySat(entry.vsize)),
    });
    expect(await listed(signed.txid)).toMatchObject({ stuck: "FEE_TOO_LOW" });
    askFor(10_000n);
    await round();
    expect(await stuckOf(signed.txid)).toHaveLength(2);

    // A stranger's child that pays nothing for it makes replacing it dearer: it would have to pay for the child as well.
    const child = await spendLargest(signed, 300n);
    await chain.rpc("sendrawtransaction", hex(child));
    await round();
    const pinned = (await stuckOf(signed.txid)).at(-1);
    expect(pinned).toMatchObject({ descendants: 1, replacementFeeSat: (stuck?.replacementFeeSat ?? 0n) + 300n });
    // Whether a node agrees: one satoshi less is refused, and exactly that is taken.
    const enough = (pinned?.replacementFeeSat ?? 0n) - feeSat;
    const tested = async (moreSat: bigint) => {
      const rival = await chain.signRival(signed, moreSat);
      const [{ allowed = false } = {}] = await chain.rpc<readonly { allowed?: boolean }[]>("testmempoolaccept", [
        hex(rival),
      ]);
      const { vsize } = await chain.rpc<{ vsize: number }>("decoderawtransaction", hex(rival));
      return { allowed, spareSat: moreSat - enough + (await relaySat(entry.vsize)) - (await relaySat(vsize)) };
    };
    expect(await tested(enough)).toMatchObject({ allowed: true });
    const { spareSat } = await tested(enough);
    expect(await tested(enough - spareSat - 1n)).toMatchObject({ allowed: false });

    await chain.mine(1);
    await round();
    expect(await listed(signed.txid)).toMatchObject({ state: "included", stuck: null });
    askFor(null);
  });

  it("is not stuck when its child pays for both", async () => {
    const { round, release, askFor } = following;
    const parent = await chain.sign();
    await release(parent);
    await round();
    await chain.rpc("sendrawtransaction", hex(await spendLargest(parent, 5_000n)));
    askFor(9_000n);
    await round();
    await round();
    expect(await stuckOf(parent.txid)).toEqual([]);
    askFor(null);
    await chain.mine(1);
    await round();
  });
});

describe("transactions that nodes do not have", () => {
  it("are sent parents first, in one round, whatever order they came in; what is refused again and again is stuck", async () => {
    const { round, release } = following;
    const parent = await chain.sign();
    const child = await spendLargest(parent, 1_000n);
    const grandchild = await spendLargest(child, 1_000n);
    await release(grandchild);
    await release(child);
    for (let again = 0; again < 5; again += 1) await round();
    // Their parent is not there: said once, however often it is tried.
    expect(await stuckOf(child.txid)).toMatchObject([{ code: "NOT_IN_MEMPOOL", descendants: 0 }]);
    await release(parent);
    await round();
    for (const { txid } of [parent, child, grandchild]) expect(await chain.isInMempool(txid)).toBe(true);
    await round();
    expect(await listed(child.txid)).toMatchObject({ stuck: null });
    await chain.mine(1);
    await round();
  });

  it("because they were started anew with nothing in their mempools get everything again, and nobody is told", async () => {
    const { round, release } = following;
    const parent = await chain.sign();
    const child = await spendLargest(parent, 1_000n);
    await release(child);
    await release(parent);
    await round();
    await chain.restart();
    expect(await chain.rpc("getrawmempool")).toEqual([]);
    await round();
    for (const { txid } of [parent, child]) {
      expect(await chain.isInMempool(txid)).toBe(true);
      expect(await following.words(txid)).toEqual(["broadcast"]);
    }
    await chain.rpc("loadwallet", "test");
    await chain.mine(3);
    await round();
    expect((await following.words(child.txid)).at(-1)).toBe("confirmed");
  });
});

describe("a database of the gateway", () => {
  it("that was set back catches up, over a reorganisation as well, and says nothing that is not so", async () => {
    const own = await openFollowing(chain, { wallet: following.wallet });
    onTestFinished(own.close);
    const { round, release, wallet } = own;
    const [early, late] = [await chain.sign(), await chain.sign()];
    await release(early);
    await round();
    await chain.pay({ [wallet.addressAt(0, 2)]: 45_000n });
    const copy = await backUpDatabase(own.databaseUrl);
    await chain.mine(1);
    await round();
    const before = await own.said("transaction.included.v1", early.txid);
    await release(late);
    await round();
    await chain.mine(2);
    await round();
    expect(await own.words(early.txid)).toEqual(["broadcast", "included", "confirmed"]);
    const saidBefore = (await own.said("transaction.confirmed.v1")).map(({ revision }) => revision);

    await copy.restore();
    // What was said in one second may run ahead of the clock; a restore takes longer than that.
    const now = "select where extract(epoch from now() - timestamptz '2020-01-01 00:00:00+00') > $1 + 1";
    await until(
      () => own.pool.query(now, [Math.max(...saidBefore)]),
      ({ rowCount }) => rowCount === 1,
    );
    await replaceBlocks(chain, 2, [hex(late)]);
    // What vault released meanwhile comes again from its topic.
    await release(late);
    await round();
    await chain.mine(1);
    await round();
    const said = await own.said("transaction.confirmed.v1", early.txid);
    expect(await own.words(early.txid)).toEqual(["broadcast", "confirmed"]);
    expect(said[0]?.revision).toBeGreaterThan(Math.max(...saidBefore, before[0]?.revision ?? 0));
    expect((await own.words(late.txid)).at(-1)).toBe("confirmed");
    const coins = (await own.said("coin.observed.v1")).filter(({ amountSat }) => amountSat === 45_000n);
    expect(coins).toHaveLength(1);
    // Every word after the copy was made is about a block that is in the chain now.
    const words = [
      ...(await own.said("transaction.included.v1")),
      ...(await own.said("transaction.confirmed.v1")),
      ...(await own.said("coin.observed.v1")),
    ].filter(({ revision }) => (revision ?? 0) > Math.max(...saidBefore));
    expect(words.length).toBeGreaterThan(2);
    for (const { blockHash, height } of words) expect(await chain.rpc("getblockhash", height)).toBe(blockHash);
  });

  it("that is new reads the chain and says the same of what is in it", async () => {
    await chain.pay({ [following.wallet.addressAt(0, 1)]: 46_000n });
    await chain.mine(1);
    await following.round();
    const told = await following.said("coin.observed.v1");
    const hashes = await Promise.all(told.map(({ height }) => chain.rpc("getblockhash", height)));
    const kept = told.filter(({ blockHash }, at) => blockHash === hashes[at]);
    expect(kept.length).toBeGreaterThan(1);
    const anew = await openFollowing(chain, { startHeight: 1, wallet: following.wallet });
    try {
      await anew.round();
      const seen = await anew.said("coin.observed.v1");
      const text = ({ transactionId, vout, blockHash }: (typeof seen)[number]) =>
        `${transactionId}:${vout} ${blockHash}`;
      expect(new Set(seen.map(text))).toEqual(new Set(kept.map(text)));
      expect(await anew.said("coin.vanished.v1")).toEqual([]);
    } finally {
      await anew.close();
    }
  });
});

async function relaySat(vbytes: number): Promise<bigint> {
  const { incrementalrelayfee } = await chain.rpc<{ incrementalrelayfee: number }>("getmempoolinfo");
  return BigInt(Math.ceil((vbytes * Math.round(incrementalrelayfee * 1e8)) / 1_000));
}

/** A child of the largest output, with that fee; the parent may be unknown to everybody. */
async function spendLargest(parent: SignedTransaction, feeSat: bigint): Promise<SignedTransaction> {
  type Output = { readonly n: number; readonly value: number; readonly scriptPubKey: { readonly hex: string } };
  const { vout } = await chain.rpc<{ vout: readonly Output[] }>("decoderawtransaction", hex(parent));
  const [largest] = vout.toSorted((a, b) => b.value - a.value);
  if (largest === undefined) throw new Error("it has outputs");
  const sat = BigInt(Math.round(largest.value * 1e8)) - feeSat;
  const amount = `0.${String(sat).padStart(8, "0")}`;
  const inputs = [{ txid: parent.txid, vout: largest.n }];
  const raw = await chain.rpc<string>("createrawtransaction", inputs, { [await chain.newAddress()]: amount });
  const previous = { ...inputs[0], scriptPubKey: largest.scriptPubKey.hex, amount: largest.value };
  const signed = await chain.rpc<{ hex: string }>("signrawtransactionwithwallet", raw, [previous]);
  const { txid } = await chain.rpc<{ txid: string }>("decoderawtransaction", signed.hex);
  return { txid, bytes: Buffer.from(signed.hex, "hex") };
}
