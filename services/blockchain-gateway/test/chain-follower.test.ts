// The follower by itself on real parts: what takes two instances, or a moment too short to be hit from outside.

import { openNodes } from "@sluice/bitcoin-nodes";
import { until } from "@sluice/online-service/testing";
import { transaction } from "@sluice/postgres";
import { createLogger } from "@sluice/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FollowerOptions, followChain } from "../src/chain-follower.ts";
import { addTransaction, listUnsettled, noteSend } from "../src/store.ts";
import { watchWallets } from "../src/wallet-scripts.ts";
import { type Chain, startChain } from "./chain.ts";
import { type Gateway, openGateway } from "./gateway.ts";

let chain: Chain;
let gateway: Gateway;
let follower: FollowerOptions;

beforeAll(async () => {
  chain = await startChain();
  await chain.fund();
  gateway = await openGateway(chain);
  // Started once for its tables; from here on everything happens in this process.
  await (await gateway.start()).stop();
  const { origin, username, password } = new URL(chain.rpcUrl);
  follower = {
    pool: gateway.pool,
    node: openNodes({
      nodes: [{ name: "first", url: origin, timeoutMs: 10_000, credentials: { user: username, password } }],
      quorum: 1,
      network: "regtest",
      stopping: new AbortController().signal,
    }),
    sealer: gateway.sealerOf("blockchain-gateway"),
    logger: createLogger({ service: "test", level: "silent" }),
    watched: watchWallets(gateway.wallets),
    startHeight: 1,
    requiredConfirmations: 3,
    deepestForkBlocks: 100,
    stopping: new AbortController().signal,
  };
});
afterAll(async () => {
  await gateway.close();
  await chain.stop();
});

const refusal = (reason: string) => ({ action: "look", code: "INPUT_MISSING_OR_SPENT", reason });

const add = (txid: string, bytes: Uint8Array) =>
  transaction(gateway.pool, (tx) =>
    addTransaction(tx, { txid, transaction: bytes, withdrawals: [{ withdrawalId: `w-${txid}`, attempt: 1 }] }),
  );

/** The ids in the outbox, in its order. */
async function announced(key: string): Promise<readonly string[]> {
  const { rows } = await gateway.pool.query<{ message_id: string }>(
    "select message_id from outbox where key = $1 order by id",
    [key],
  );
  return rows.map(({ message_id }) => message_id.replace(/\/[0-9]+$/, "").replace(`${key}/`, ""));
}

describe("following the chain", () => {
  it("in many places at once reads each block once, and says each thing once", async () => {
    const [hot] = gateway.wallets;
    const signed = await chain.sign({ [hot.addressAt(0, 0)]: 5_000n });
    await add(signed.txid, signed.bytes);
    await chain.mineOnly([signed.bytes.toString("hex")]);
    await chain.mine(40);
    const height = await chain.height();
    for (let at = 0; at < 60; at += 1) {
      await Promise.all(
        Array.from({ length: 4 }, () => followChain({ ...follower, watched: watchWallets(gateway.wallets) })),
      );
      const { rows } = await gateway.pool.query<{ height: number }>("select max(height) as height from block");
      if (rows[0]?.height === height) break;
    }
    const { rows } = await gateway.pool.query<{ n: bigint; low: number; high: number }>(
      "select count(*) as n, min(height) as low, max(height) as high from block",
    );
    expect(rows).toEqual([{ n: BigInt(height), low: 1, high: height }]);
    await followChain(follower);
    const said = await announced(signed.txid);
    expect(said.filter((what) => what !== "included")).toEqual(["broadcast", "confirmed"]);
    expect(said.at(-1)).toBe("confirmed");
    const { rows: coins } = await gateway.pool.query("select from outbox where topic = 'coin.observed.v1'");
    expect(coins).toHaveLength(1);
  });

  it("says of what is in a block that it was broadcast, before it says that it is in a block", async () => {
    const signed = await chain.sign();
    await add(signed.txid, signed.bytes);
    await chain.mineOnly([signed.bytes.toString("hex")]);
    await followChain(follower);
    expect(await announced(signed.txid)).toEqual(["broadcast", "included"]);
  });

  it("numbers what it says after a restore higher than what it said before", async () => {
    const signed = await chain.sign();
    await add(signed.txid, signed.bytes);
    const revisions = async () => {
      const { rows } = await gateway.pool.query<{ message_id: string }>(
        "select message_id from outbox where key = $1 and topic <> 'transaction.broadcast.v1' order by id",
        [signed.txid],
      );
      return rows.map(({ message_id }) => Number(message_id.split("/").at(-1)));
    };
    await chain.mineOnly([signed.bytes.toString("hex")]);
    await followChain(follower);
    const [first = 0] = await revisions();
    // What was said in one second may run ahead of the clock; a restore takes longer than that.
    const now = "select where extract(epoch from now() - timestamptz '2020-01-01 00:00:00+00') > $1 + 1";
    await until(
      () => gateway.pool.query(now, [first]),
      ({ rowCount }) => rowCount === 1,
    );
    await gateway.pool.query("select setval('chain_revision', 1)");
    await chain.mine(2);
    await followChain(follower);
    expect(await announced(signed.txid)).toEqual(["broadcast", "included", "confirmed"]);
    const [, second = 0] = await revisions();
    expect(second).toBeGreaterThan(first);
  });

  it("ends soon when the process is to stop, and goes on from there", async () => {
    await chain.mine(30);
    const stopping = new AbortController();
    const node = {
      ...follower.node,
      block: (hash: string) => {
        if (reads++ === 3) stopping.abort();
        return follower.node.block(hash);
      },
    };
    let reads = 0;
    await followChain({ ...follower, node, stopping: stopping.signal });
    expect(reads).toBe(4);
    await followChain(follower);
    const { rows } = await gateway.pool.query("select max(height) as height from block");
    expect(rows).toEqual([{ height: await chain.height() }]);
  });
});

describe("what is to be sent", () => {
  it("comes in its turn, however much is refused for ever before it", async () => {
    for (let at = 0; at < 230; at += 1) {
      const txid = at.toString(16).padStart(64, "0");
      await add(txid, Buffer.of(at));
      await noteSend(gateway.pool, txid, refusal("missing"));
    }
    const signed = await chain.sign();
    await add(signed.txid, signed.bytes);
    const first = await listUnsettled(gateway.pool, new Date());
    expect(first[0]?.txid).toBe(signed.txid);
    for (const { txid } of first) await noteSend(gateway.pool, txid, refusal("missing"));
    const seen = new Set([...first, ...(await listUnsettled(gateway.pool, new Date()))].map(({ txid }) => txid));
    expect(seen.size).toBe(231);
  });

  it("is said once, and known again by the same withdrawals only", async () => {
    const signed = await chain.sign();
    expect(await add(signed.txid, signed.bytes)).toBe("added");
    expect(await add(signed.txid, signed.bytes)).toBe("known");
    const other = { txid: signed.txid, transaction: signed.bytes, withdrawals: [] };
    expect(await transaction(gateway.pool, (tx) => addTransaction(tx, other))).toBe("other");
    expect(await noteSend(gateway.pool, signed.txid, refusal("no"))).toBe(true);
    expect(await noteSend(gateway.pool, signed.txid, refusal("no"))).toBe(false);
    expect(await noteSend(gateway.pool, signed.txid, refusal("not yet"))).toBe(true);
    expect(await noteSend(gateway.pool, signed.txid, null)).toBe(true);
    expect(await noteSend(gateway.pool, signed.txid, null)).toBe(false);
  });
});
