// Regression, found by seed 1001: a node that was killed and had forgotten its chain was mined on before it got that back.
import { setTimeout as delay } from "node:timers/promises";
import { startParts } from "@sluice/devstack";
import { expect, it } from "vitest";
import { startMiner } from "./miner.ts";
import { openNodeRpc } from "./node-rpc.ts";

const KILLS = 4;

it("a node that is killed gets back every block, and the chain goes on from there", async () => {
  const parts = await startParts({ log: () => undefined, which: ["bitcoind"], own: true });
  const rpc = openNodeRpc(parts.bitcoind.rpcUrl);
  const miner = await startMiner(rpc, 20);
  const node = parts.bitcoind.process;
  let forgotten = 0;
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      while (miner.mined() < 10 * (kill + 1)) await delay(20);
      const height = await rpc.ask<number>("getblockcount");
      const hash = await rpc.ask<string>("getblockhash", height - 1);
      await node?.kill();
      await node?.start();
      // Long enough for a miner that does not wait to begin another chain.
      await delay(200);
      if ((await rpc.ask<number>("getblockcount")) < height - 1) forgotten += 1;
      await miner.giveBack();
      expect(await rpc.ask("getblockhash", height - 1)).toBe(hash);
    }
    process.stdout.write(`miner: ${KILLS} kills, after ${forgotten} of them the node had forgotten blocks\n`);
    expect(forgotten).toBeGreaterThan(0);
  } finally {
    await miner.stop();
    await parts.stop();
  }
});
