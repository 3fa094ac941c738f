// The gateway is killed: at the two worst moments, at random ones, and with a second one beside it.
import type { Buffer } from "node:buffer";
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { describe, expect, it } from "vitest";
import { type Chain, type SignedTransaction, startChain } from "./chain.ts";
import { coinsOf, factsOf, type Gateway, inState, openGateway, readUp, wordsOf } from "./gateway.ts";

/** With a chain of its own, so that the tests can run beside each other: most of their time is waiting for Kafka to notice. */
async function withGateway(test: (gateway: Gateway, chain: Chain) => Promise<void>): Promise<void> {
  const chain = await startChain();
  try {
    await chain.fund();
    const gateway = await openGateway(chain);
    try {
      await test(gateway, chain);
    } finally {
      await gateway.close();
    }
  } finally {
    await chain.stop();
  }
}

/** Kafka takes seconds to notice each death, and four gateways share the processors here. */
const PATIENT = { timeout: 180_000 };

const isSending = (bytes: Buffer): boolean => bytes.includes("sendrawtransaction");

describe.concurrent("a gateway that is killed", PATIENT, () => {
  it("between storing and sending sends when it is back", () =>
    withGateway(async (gateway, chain) => {
      const service = await gateway.start();
      const signed = await chain.sign();
      const killed = Promise.withResolvers<void>();
      gateway.line.watch((bytes, direction) => {
        if (direction === "back" || !isSending(bytes)) return true;
        killed.resolve(service.kill());
        return false;
      });
      await gateway.release(signed);
      await killed.promise;
      gateway.line.watch(() => true);
      expect(await gateway.row(signed.txid)).toMatchObject({ state: "signed", sends: 0, transaction: signed.bytes });
      expect(await chain.isInMempool(signed.txid)).toBe(false);
      await gateway.start();
      await expectPaidOnce(gateway, [signed]);
    }));

  it("after the node has the transaction and before it says so, says so when it is back", () =>
    withGateway(async (gateway, chain) => {
      const service = await gateway.start();
      const signed = await chain.sign();
      const killed = Promise.withResolvers<void>();
      let sending = false;
      gateway.line.watch((bytes, direction) => {
        if (direction === "there") {
          sending ||= isSending(bytes);
          return true;
        }
        if (!sending || !bytes.includes(signed.txid)) return true;
        killed.resolve(service.kill());
        return false;
      });
      await gateway.release(signed);
      await killed.promise;
      gateway.line.watch(() => true);
      expect(await gateway.row(signed.txid)).toMatchObject({ state: "signed", sends: 0 });
      expect(await chain.isInMempool(signed.txid)).toBe(true);
      expect(await wordsOf(gateway, signed.txid)).toEqual([]);
      // Its block comes before it is back: it was broadcast all the same, and that is said first.
      await chain.mine(1);
      await gateway.start();
      await expectPaidOnce(gateway, [signed]);
    }));

  it("at random moments, over and over, loses nothing and says nothing twice", () =>
    withGateway(async (gateway, chain) => {
      const random = generator(20_261_121);
      const [hot] = gateway.wallets;
      const released: SignedTransaction[] = [];
      const paid: string[] = [];
      let killedAtWork = 0;
      for (let run = 0; run < RUNS; run += 1) {
        for (let at = 0; at < 3; at += 1) {
          const signed = await chain.sign();
          released.push(signed);
          await gateway.release(signed);
        }
        const starting = gateway.start();
        paid.push((await chain.pay({ [hot.addressAt(0, run)]: BigInt(10_000 + run) })).txid);
        const mining = (async () => {
          for (let block = 0; block < 4; block += 1) await chain.mine(1);
        })();
        const service = await starting;
        await mining;
        const before = await workDone(gateway);
        await chain.mine(1);
        const last = await chain.sign();
        released.push(last);
        await gateway.release(last);
        await new Promise((resolve) => setTimeout(resolve, random() * 250));
        await service.kill();
        if ((await workDone(gateway)) !== before) killedAtWork += 1;
      }
      const service = await gateway.start();
      await expectPaidOnce(gateway, released);
      await until(
        () => coinsOf(gateway),
        (coins) => paid.every((txid) => coins.some(({ message }) => message.transactionId === txid)),
      );
      const coins = (await coinsOf(gateway)).map(({ message }) => `${message.transactionId}:${message.vout}`);
      expect(coins.toSorted()).toEqual([...new Set(coins)].toSorted());
      expect(coins).toHaveLength(paid.length);
      expect(((await service.get("/dead-letters")).json() as { deadLetters: unknown[] }).deadLetters).toEqual([]);
      process.stdout.write(
        `gateway: ${RUNS} kills, ${killedAtWork} of them at work, ${released.length} transactions\n`,
      );
      expect(killedAtWork).toBeGreaterThan(0);
    }));
});

describe.concurrent("two gateways beside each other", PATIENT, () => {
  it("read each block once and say each thing once, also while one is killed", () =>
    withGateway(async (gateway, chain) => {
      const both = await Promise.all([gateway.start(), gateway.start()]);
      const released: SignedTransaction[] = [];
      const send = async (count: number) => {
        for (let at = 0; at < count; at += 1) {
          const signed = await chain.sign();
          released.push(signed);
          await gateway.release(signed);
          if (at % 2 === 1) await chain.mine(1);
        }
      };
      await send(8);
      await readUp(gateway);
      // Both have their turn, or nothing is tried here.
      await until(
        async () => {
          await chain.mine(1);
          await readUp(gateway);
          return both.map((service) => blocksReadBy(service).length);
        },
        (counts) => counts.every((count) => count > 0),
      );
      const read = both.flatMap(blocksReadBy);
      expect(new Set(read).size).toBe(read.length);
      await both[0].kill();
      await send(4);
      await expectPaidOnce(gateway, released);
      const all = both.flatMap(blocksReadBy);
      expect(new Set(all).size).toBe(all.length);
    }));
});

const RUNS = 5;

/** Every transaction is in the chain once and was told of in order, each thing under one id, with rising revisions. */
async function expectPaidOnce(gateway: Gateway, released: readonly SignedTransaction[]): Promise<void> {
  for (const { txid } of released) {
    await until(
      () => gateway.row(txid),
      (row) => row !== undefined && row.state !== "signed",
    );
  }
  const { chain } = gateway;
  await chain.mine(3);
  for (const { txid, bytes } of released) {
    expect((await inState(gateway, txid, "confirmed")).transaction.equals(bytes)).toBe(true);
    const facts = await until(
      () => factsOf(gateway, txid),
      (said) => said.some(({ fact }) => fact === "confirmed"),
    );
    expect(facts.map(({ fact }) => fact).filter((fact) => fact !== "included")).toEqual(["broadcast", "confirmed"]);
    expect(facts.at(0)?.fact).toBe("broadcast");
    expect(facts.at(-1)?.fact).toBe("confirmed");
    expect(new Set(facts.map(({ id }) => id)).size).toBe(facts.length);
    expect(new Set(facts.map(({ revision }) => revision)).size).toBe(facts.length);
    const counted = facts.map(({ confirmations }) => confirmations);
    expect(counted).toEqual(counted.toSorted((a, b) => a - b));
    const inBlock = await chain.rpc<{ blockhash?: string }>("getrawtransaction", txid, true);
    expect(inBlock.blockhash).toBe(facts.at(-1)?.blockHash);
  }
  expect(await gateway.refusedByOthers()).toEqual([]);
}

/** Grows with everything that the gateway stores. */
async function workDone(gateway: Gateway): Promise<bigint> {
  const { rows } = await gateway.pool.query<{ done: bigint }>(
    `select (select count(*) from block) + (select count(*) from inbox) + (select count(*) from outbox)
       + (select coalesce(sum(sends), 0)::bigint from chain_transaction) as done`,
  );
  return rows[0]?.done ?? 0n;
}

function blocksReadBy(service: ServiceProcess): readonly unknown[] {
  return service.log().flatMap((line) => (line.msg === "a block was read" ? [line["height"]] : []));
}

/** The same moments at every run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
