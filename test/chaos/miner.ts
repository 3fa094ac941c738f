// Mines, and plays the rest of the network: what a killed node had not written down is given back to it, block by block.
import { setTimeout as delay } from "node:timers/promises";
import type { NodeRpc } from "./node-rpc.ts";

export type Miner = {
  /** After the node was killed: it may have forgotten hundreds of blocks. Mempools are nobody's to give back. */
  readonly giveBack: () => Promise<void>;
  readonly mined: () => number;
  readonly stop: () => Promise<void>;
};

/** Nobody's: these coins only fill the chain. P2WSH of OP_TRUE on regtest. */
const ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";
/** A block that nobody else heard of may have been the node's last one. */
const FORGOTTEN_LAST = 3;
/** bitcoind's words for a block that it has. */
const KNOWN: ReadonlySet<unknown> = new Set([null, "duplicate", "inconclusive", "duplicate-inconclusive"]);

export async function startMiner(rpc: NodeRpc, everyMs: number): Promise<Miner> {
  const blocks = new Map<number, string>();
  let mined = 0;
  let held: Promise<void> = Promise.resolve();
  const stopping = new AbortController();
  await noteUpTo(await rpc.ask<number>("getblockcount"));
  const loop = mine();
  return {
    mined: () => mined,
    giveBack: () => {
      held = resubmit();
      return held;
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };

  async function mine(): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      await held.catch(() => undefined);
      try {
        // A node that was just started has forgotten blocks: they come back first, or another chain would begin there.
        if ((await rpc.ask<number>("getblockcount")) < highest()) continue;
        await rpc.ask("generatetoaddress", 1, ADDRESS);
        await noteUpTo(await rpc.ask<number>("getblockcount"));
        mined += 1;
      } catch {
        // The node is away or was just killed. Whether that block counts, its successor says.
      }
    }
  }

  function highest(): number {
    return blocks.size === 0 ? 0 : Math.max(...blocks.keys());
  }

  async function noteUpTo(height: number): Promise<void> {
    if (height < highest()) return;
    // A block whose number is known may be another one since: a node that was killed right after it mined forgot that one.
    for (let at = height; at > 0; at -= 1) {
      const hash = await rpc.ask<string>("getblockhash", at);
      const bytes = await rpc.ask<string>("getblock", hash, 0);
      if (blocks.get(at) === bytes) return;
      blocks.set(at, bytes);
    }
  }

  async function resubmit(): Promise<void> {
    const from = await rpc.insist<number>("getblockcount");
    for (let height = Math.max(1, from - FORGOTTEN_LAST); height <= highest(); height += 1) {
      const bytes = blocks.get(height);
      if (bytes === undefined) throw new Error(`nobody has block ${height}`);
      const answer = await rpc.ask<string | null>("submitblock", bytes);
      if (!KNOWN.has(answer)) throw new Error(`block ${height} is not taken: ${answer}`);
    }
  }
}
