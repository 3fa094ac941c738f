// A market for fees on regtest: strangers' transactions at one rate get into blocks until every node estimates from them.
import { setTimeout as delay } from "node:timers/promises";
import { type BitcoindPart, openFaucet } from "@sluice/devstack";
import { openNodeRpc } from "../chaos/node-rpc.ts";

const BLOCKS = 5;
/** Fewer in a block are too little for bitcoind to say anything. */
const TRANSACTIONS = 6;
const COIN_SAT = 100_000;
/** Of one input and one output, as the node's own wallet makes them (P2WPKH). */
const VBYTES = 110;

/** Resolves to what all nodes estimate for the next blocks, satoshis for 1000 vbytes. */
export async function openFeeMarket(bitcoind: BitcoindPart, satPerVbyte: number): Promise<bigint> {
  const faucet = await openFaucet(bitcoind.rpcUrl);
  const nodes = [bitcoind, ...bitcoind.peers].map(({ rpcUrl }) => openNodeRpc(rpcUrl));
  const address = await faucet<string>("getnewaddress", "", "bech32");
  const addresses = await Promise.all(
    Array.from({ length: BLOCKS * TRANSACTIONS }, () => faucet<string>("getnewaddress", "", "bech32")),
  );
  await faucet("sendmany", "", Object.fromEntries(addresses.map((to) => [to, bitcoins(COIN_SAT)])));
  await faucet("generatetoaddress", 1, address);
  const coins = await faucet<readonly Unspent[]>("listunspent", 1, 9_999, addresses);
  for (let block = 0; block < BLOCKS; block += 1) {
    const spent = coins.slice(block * TRANSACTIONS, (block + 1) * TRANSACTIONS);
    await Promise.all(spent.map((coin) => spend(coin)));
    for (const { ask } of nodes) {
      while ((await ask<readonly string[]>("getrawmempool")).length < TRANSACTIONS) await delay(10);
    }
    await faucet("generatetoaddress", 1, address);
    // Each has to have read it, or it would learn nothing from the next one.
    const height = await faucet<number>("getblockcount");
    for (const { ask } of nodes) while ((await ask<number>("getblockcount")) < height) await delay(10);
  }
  const estimates = await Promise.all(
    nodes.map(({ ask }) => ask<{ readonly feerate?: number }>("estimatesmartfee", 6, "conservative")),
  );
  const rates = estimates.map(({ feerate = 0 }) => BigInt(Math.round(feerate * 100_000_000)));
  const [rate = 0n] = rates;
  if (rate === 0n || rates.some((each) => each !== rate)) throw new Error(`the nodes estimate ${rates.join(" and ")}`);
  return rate;

  async function spend({ txid, vout }: Unspent): Promise<void> {
    const outputs = { [address]: bitcoins(COIN_SAT - VBYTES * satPerVbyte) };
    const unsigned = await faucet<string>("createrawtransaction", [{ txid, vout }], outputs);
    const { hex } = await faucet<{ readonly hex: string }>("signrawtransactionwithwallet", unsigned);
    await faucet("sendrawtransaction", hex);
  }
}

type Unspent = { readonly txid: string; readonly vout: number };

function bitcoins(amountSat: number): string {
  return (amountSat / 100_000_000).toFixed(8);
}
