// A gateway that begins with the first block of all, on a chain on which nothing was mined yet.
import { until } from "@sluice/online-service/testing";
import { expect, it, onTestFinished } from "vitest";
import { startChain } from "./chain.ts";
import { coinsOf, openGateway, readUp } from "./gateway.ts";

it("reads the first block of all and follows the chain from there", async () => {
  const chain = await startChain();
  onTestFinished(chain.stop);
  expect(await chain.height()).toBe(0);
  const gateway = await openGateway(chain, { SLUICE_START_HEIGHT: "0" });
  onTestFinished(gateway.close);
  const process = await gateway.start();
  await readUp(gateway);
  const { rows } = await gateway.pool.query<{ hash: string }>("select hash from block where height = 0");
  expect(rows).toEqual([{ hash: await chain.rpc("getblockhash", 0) }]);
  // The round that read it may still be under way.
  const ready = await until(
    () => process.get("/readyz"),
    ({ status }) => status === 200,
  );
  expect(ready.json()).toMatchObject({ status: "ready" });
  await chain.fund();
  const [hot] = gateway.wallets;
  const paid = await chain.pay({ [hot.addressAt(0, 0)]: 1_234n });
  await chain.mine(1);
  const [coin] = await until(
    () => coinsOf(gateway),
    ({ length }) => length === 1,
  );
  expect(coin?.message).toMatchObject({ transactionId: paid.txid, amountSat: 1_234n, height: await chain.height() });
  await readUp(gateway);
  const { rows: blocks } = await gateway.pool.query<{ n: bigint }>("select count(*) as n from block");
  expect(blocks[0]?.n).toBe(BigInt((await chain.height()) + 1));
});
