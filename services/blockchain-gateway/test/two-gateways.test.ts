// Two gateways on one database: each block is read once and each thing said once, also while one of them is killed.
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { expect, it, onTestFinished } from "vitest";
import { type SignedTransaction, startChain } from "./chain.ts";
import { factsOf, type Gateway, inState, openGateway, readUp } from "./gateway.ts";

/** Kafka takes seconds to notice the death. */
it("two gateways read each block once and say each thing once, also while one is killed", async () => {
  const chain = await startChain();
  onTestFinished(chain.stop);
  await chain.fund();
  const gateway = await openGateway(chain);
  onTestFinished(gateway.close);
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
}, 180_000);

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

function blocksReadBy(service: ServiceProcess): readonly unknown[] {
  return service.log().flatMap((line) => (line.msg === "a block was read" ? [line["height"]] : []));
}
