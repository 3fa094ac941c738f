// Two real nodes of one chain, and what is true on it, learnt from the first of them directly.

import { decodeBlock } from "@sluice/chains";
import { startParts } from "@sluice/devstack";
import type { NodeOptions } from "../src/nodes.ts";
import { askNode } from "./lying-node.ts";

export type Truth = {
  readonly height: number;
  /** From the first block of all. */
  readonly hashes: readonly string[];
  readonly tip: { readonly hash: string; readonly hex: string; readonly txids: readonly string[] };
  /** In the tip. */
  readonly confirmed: { readonly txid: string };
  /** In no block, and every node would take it. */
  readonly pending: { readonly txid: string; readonly hex: string };
  /** Spends what does not exist. */
  readonly impossible: { readonly hex: string };
  /** On top of the tip, with the pending transaction, made with work and shown to nobody. */
  readonly invented: { readonly hash: string; readonly hex: string };
  /** The tip's list of transactions lengthened so that its merkle root stays the same (CVE-2012-2459). */
  readonly doubled: string;
  readonly minimumSatPerKvbyte: bigint;
};

export type World = {
  readonly truth: Truth;
  readonly rpcUrls: readonly [string, string];
  readonly rpc: <T>(rpcUrl: string, method: string, ...params: readonly unknown[]) => Promise<T>;
  readonly stop: () => Promise<void>;
};

export async function openWorld(): Promise<World> {
  const parts = await startParts({ log: () => undefined, which: ["bitcoind"], env: {}, bitcoindPeers: [{}] });
  const [peer] = parts.bitcoind.peers;
  const rpcUrls = [parts.bitcoind.rpcUrl, peer?.rpcUrl ?? parts.bitcoind.rpcUrl] as const;
  const [first, second] = rpcUrls;
  await rpc(first, "createwallet", "world");
  const address = await rpc<string>(first, "getnewaddress");
  await rpc(first, "generatetoaddress", 103, address);
  // Three transactions in a block, the number that can be doubled.
  const [confirmed = ""] = await Promise.all(
    [0.5, 0.6].map((amount) => rpc<string>(first, "sendtoaddress", address, amount)),
  );
  await rpc(first, "generatetoaddress", 1, address);
  const height = await rpc<number>(first, "getblockcount");
  const hash = await rpc<string>(first, "getblockhash", height);
  while ((await rpc<string>(second, "getbestblockhash")) !== hash)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const hex = await rpc<string>(first, "getblock", hash, 0);
  const decoded = decodeBlock(Buffer.from(hex, "hex"), "regtest");
  if (!decoded.ok || decoded.value.txids.length !== 3) throw new Error("the tip is not as it was to be");
  const raw = await rpc<string>(first, "createrawtransaction", [], { [address]: 0.1 });
  const funded = await rpc<{ hex: string }>(first, "fundrawtransaction", raw, { fee_rate: 5 });
  const signed = await rpc<{ hex: string }>(first, "signrawtransactionwithwallet", funded.hex);
  const { txid } = await rpc<{ txid: string }>(first, "decoderawtransaction", signed.hex);
  const nowhere = [{ txid: "ab".repeat(32), vout: 0 }];
  const mempool = await rpc<{ mempoolminfee: number }>(first, "getmempoolinfo");
  return {
    rpcUrls,
    rpc,
    stop: parts.stop,
    truth: {
      height,
      hashes: await Promise.all(Array.from({ length: height + 1 }, (_, at) => rpc<string>(first, "getblockhash", at))),
      tip: { hash, hex, txids: decoded.value.txids },
      confirmed: { txid: confirmed },
      pending: { txid, hex: signed.hex },
      impossible: { hex: await rpc<string>(first, "createrawtransaction", nowhere, { [address]: 0.1 }) },
      invented: await rpc(first, "generateblock", address, [signed.hex], false),
      doubled: doubledTip(hex, decoded.value.transactions.at(-1) ?? new Uint8Array()),
      minimumSatPerKvbyte: BigInt(Math.round(mempool.mempoolminfee * 100_000_000)),
    },
  };
}

export function nodeAt(name: string, url: string, timeoutMs: number): NodeOptions {
  const { origin, username, password } = new URL(url);
  return { name, url: origin, timeoutMs, credentials: { user: username || "nobody", password } };
}

const COUNT_AT = 80;

function doubledTip(hex: string, last: Uint8Array): string {
  const bytes = Buffer.concat([Buffer.from(hex, "hex"), last]);
  bytes[COUNT_AT] = 4;
  return bytes.toString("hex");
}

async function rpc<T>(rpcUrl: string, method: string, ...params: readonly unknown[]): Promise<T> {
  const { result, error } = await askNode(rpcUrl, method, params);
  if (error !== null) throw new Error(`bitcoind ${method}: ${error.message}`);
  return result as T;
}
