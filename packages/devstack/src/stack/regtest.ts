// A miner and a payer on regtest: what the outside world does around a stack.
import { randomBytes } from "node:crypto";
import { askBitcoind } from "../parts/bitcoind-rpc.ts";

export type Regtest = {
  /** Any RPC of the node; throws with the node's own words. */
  readonly rpc: <T>(method: string, ...params: readonly unknown[]) => Promise<T>;
  readonly mine: (blocks: number) => Promise<void>;
  /** Pays each address its satoshi in one transaction and returns the txid; it still has to be mined. */
  readonly pay: (outputs: Readonly<Record<string, bigint>>) => Promise<string>;
  /** An address of somebody outside, for withdrawals to go to. */
  readonly newAddress: () => Promise<string>;
};

/** Makes a wallet of its own on the node, with coins from the node's faucet. */
export async function openRegtest(rpcUrl: string): Promise<Regtest> {
  const faucet = await openFaucet(rpcUrl);
  const name = `outside-${randomBytes(6).toString("hex")}`;
  await ask(rpcUrl, "createwallet", name);
  const rpc = rpcOf(rpcUrl, name);
  const addresses = await Promise.all(Array.from({ length: OUTSIDE_COINS }, () => rpc<string>("getnewaddress")));
  await faucet("sendmany", "", Object.fromEntries(addresses.map((address) => [address, bitcoins(OUTSIDE_COIN_SAT)])));
  const minerAddress = await faucet<string>("getnewaddress");
  const mine = async (blocks: number): Promise<void> => {
    await rpc("generatetoaddress", blocks, minerAddress);
  };
  await mine(1);
  return {
    rpc,
    mine,
    pay: (outputs) =>
      rpc<string>("sendmany", "", Object.fromEntries(Object.entries(outputs).map(([to, sat]) => [to, bitcoins(sat)]))),
    newAddress: () => rpc<string>("getnewaddress"),
  };
}

type Rpc = Regtest["rpc"];

const FAUCET = "faucet";
const OUTSIDE_COINS = 4;
const OUTSIDE_COIN_SAT = 100_000_000n;
/** A block pays less and less (half after every 150), so whoever comes late mines more of them. */
const BLOCKS_AT_ONCE = 10;
const MOST_BLOCKS = 2_000;

/** One wallet a node that mines for everybody; filled early, while a block still pays 50 bitcoin. */
export async function openFaucet(rpcUrl: string): Promise<Rpc> {
  const created = await askBitcoind(rpcUrl, "createwallet", [FAUCET]);
  const rpc = rpcOf(rpcUrl, FAUCET);
  if (!created.ok) await rpc("getwalletinfo");
  const address = await rpc<string>("getnewaddress");
  for (let mined = 0; mined < MOST_BLOCKS; mined += BLOCKS_AT_ONCE) {
    if ((await rpc<number>("getbalance")) > 2 * OUTSIDE_COINS) return rpc;
    await rpc("generatetoaddress", BLOCKS_AT_ONCE, address);
  }
  throw new Error(`${MOST_BLOCKS} blocks were mined and pay too little: this chain is too long, start a new one`);
}

function rpcOf(rpcUrl: string, wallet: string): Rpc {
  const url = new URL(rpcUrl);
  url.pathname = `/wallet/${wallet}`;
  return (method, ...params) => ask(url.toString(), method, ...params);
}

async function ask<T>(url: string, method: string, ...params: readonly unknown[]): Promise<T> {
  const answer = await askBitcoind(url, method, params);
  if (!answer.ok) throw new Error(`bitcoind ${method}: ${answer.message} (${answer.code})`);
  return answer.result as T;
}

/** bitcoind takes amounts as decimal text too, so no floating point comes near them. */
function bitcoins(amountSat: bigint): string {
  return `${amountSat / 100_000_000n}.${String(amountSat % 100_000_000n).padStart(8, "0")}`;
}

/** Each with the address where it tells its news, if it does. */
export function listNodes(rpcUrls: Readonly<Record<string, string>>): Promise<readonly object[]> {
  return Promise.all(
    Object.entries(rpcUrls).map(async ([name, rpcUrl]) => {
      const answer = await askBitcoind(rpcUrl, "getzmqnotifications");
      const [news] = answer.ok ? (answer.result as readonly { readonly address: string }[]) : [];
      return { name, url: new URL(rpcUrl).origin, ...(news === undefined ? {} : { zmq: news.address }) };
    }),
  );
}
