// A Bitcoin node of a test's own, on regtest: mining, paying, and transactions that are signed but not sent. Its own, since
// the tests undo blocks and count every confirmation, which nobody else must do on the same chain meanwhile.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startParts } from "@sluice/devstack";
import { until } from "@sluice/online-service/testing";

export type SignedTransaction = { readonly txid: string; readonly bytes: Buffer };

export type Chain = {
  readonly rpcUrl: string;
  /** Of further nodes of the same chain. */
  readonly peerUrls: readonly string[];
  /** Any RPC of the node; throws with the node's own words. */
  readonly rpc: <T>(method: string, ...params: readonly unknown[]) => Promise<T>;
  readonly height: () => Promise<number>;
  /** Resolves to the hashes. */
  readonly mine: (blocks: number) => Promise<readonly string[]>;
  /** A block with exactly these transactions. */
  readonly mineOnly: (transactions: readonly string[]) => Promise<string>;
  /** Pays each address its satoshi in one transaction; it still has to be mined. */
  readonly pay: (outputs: Readonly<Record<string, bigint>>) => Promise<SignedTransaction>;
  /** Signed and complete, with coins that are not used for anything else, and known to nobody yet. */
  readonly sign: (outputs?: Readonly<Record<string, bigint>>) => Promise<SignedTransaction>;
  /** Spends the same first coin as another transaction, to somebody else, paying that much more as a fee. */
  readonly signRival: (rival: SignedTransaction, moreFeeSat: bigint) => Promise<SignedTransaction>;
  /** Stops the node and starts it again with nothing in its mempool, and without its wallet, which would fill it again. */
  readonly restart: () => Promise<void>;
  /** Spends the first output of a transaction that nobody has seen. */
  readonly signChild: (parent: SignedTransaction) => Promise<SignedTransaction>;
  readonly isInMempool: (txid: string) => Promise<boolean>;
  readonly newAddress: () => Promise<string>;
  /** Mines what the rest needs: a hundred blocks, and coins to pay with. Before it there is the first block of all only. */
  readonly fund: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Coins of a hundredth of a bitcoin each, so that many transactions can be signed beside each other. */
const COINS = 60;

export async function startChain(peers = 0): Promise<Chain> {
  const parts = await startParts({
    ...{ log: () => undefined, which: ["bitcoind"], env: {}, own: true },
    bitcoindPeers: Array.from({ length: peers }, () => ({})),
  });
  const { rpcUrl } = parts.bitcoind;
  const rpc = async <T>(method: string, ...params: readonly unknown[]): Promise<T> =>
    (await ask(rpcUrl, method, params)) as T;
  await rpc("createwallet", "test");
  const miner = await rpc<string>("getnewaddress");
  const mine = (blocks: number) => rpc<readonly string[]>("generatetoaddress", blocks, miner);
  const newAddress = () => rpc<string>("getnewaddress");
  const chain: Chain = {
    rpcUrl,
    peerUrls: parts.bitcoind.peers.map((peer) => peer.rpcUrl),
    rpc,
    height: () => rpc<number>("getblockcount"),
    mine,
    // To a new address each time: the same block mined twice within a second would be one that may have been given up.
    mineOnly: async (transactions) =>
      (await rpc<{ hash: string }>("generateblock", await newAddress(), transactions)).hash,
    pay: async (outputs) => {
      const txid = await rpc<string>("sendmany", "", decimal(outputs));
      return { txid, bytes: Buffer.from(await rpc<string>("getrawtransaction", txid), "hex") };
    },
    sign: async (outputs) => {
      const pays = outputs ?? { [await newAddress()]: 10_000n };
      const raw = await rpc<string>("createrawtransaction", [], decimal(pays));
      const funded = await rpc<{ hex: string }>("fundrawtransaction", raw, { lockUnspents: true, fee_rate: 5 });
      return complete(await rpc("signrawtransactionwithwallet", funded.hex));
    },
    signRival: async ({ bytes }, moreFeeSat) => {
      const { vin, vout } = await rpc<Decoded>("decoderawtransaction", bytes.toString("hex"));
      const [coin] = vin;
      if (coin === undefined || vin.length > 1) throw new Error("the rival spends one coin");
      const paid = vout.reduce((sum, { value }) => sum + BigInt(Math.round(value * 1e8)), 0n);
      const inputs = [{ txid: coin.txid, vout: coin.vout, sequence: 0xffff_fffd }];
      const raw = await rpc<string>(
        "createrawtransaction",
        inputs,
        decimal({ [await newAddress()]: paid - moreFeeSat }),
      );
      return complete(await rpc("signrawtransactionwithwallet", raw));
    },
    restart: async () => {
      const node = parts.bitcoind.process;
      if (node === undefined) throw new Error("this node is nobody's to restart");
      const pid = node.pid();
      await rpc("stop");
      // It writes everything to its disk before it ends.
      await until(
        () => isRunning(pid),
        (running) => !running,
      );
      await node.kill();
      await rm(join(parts.directory, "bitcoind", "regtest", "mempool.dat"), { force: true });
      await node.start();
    },
    signChild: async ({ txid, bytes }) => {
      const { vout } = await rpc<{ vout: readonly Output[] }>("decoderawtransaction", bytes.toString("hex"));
      const [output] = vout;
      if (output === undefined) throw new Error(`${txid} has no output`);
      const inputs = [{ txid, vout: output.n }];
      const raw = await rpc<string>("createrawtransaction", inputs, { [await newAddress()]: "0.00009" });
      const previous = { txid, vout: output.n, scriptPubKey: output.scriptPubKey.hex, amount: output.value };
      return complete(await rpc("signrawtransactionwithwallet", raw, [previous]));
    },
    isInMempool: async (txid) => (await rpc<readonly string[]>("getrawmempool")).includes(txid),
    newAddress,
    fund: async () => {
      await mine(101);
      const addresses = await Promise.all(Array.from({ length: COINS }, newAddress));
      await chain.pay(Object.fromEntries(addresses.map((address) => [address, 1_000_000n])));
      await mine(1);
    },
    stop: parts.stop,
  };
  return chain;

  async function complete(signed: { readonly hex: string; readonly complete: boolean }): Promise<SignedTransaction> {
    if (!signed.complete) throw new Error("the node's wallet could not sign");
    const { txid } = await rpc<{ txid: string }>("decoderawtransaction", signed.hex);
    return { txid, bytes: Buffer.from(signed.hex, "hex") };
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

type Decoded = {
  readonly vin: readonly { readonly txid: string; readonly vout: number }[];
  readonly vout: readonly { readonly value: number }[];
};

type Output = { readonly n: number; readonly value: number; readonly scriptPubKey: { readonly hex: string } };

/** bitcoind takes amounts as decimal text too, so no floating point comes near them. */
function decimal(outputs: Readonly<Record<string, bigint>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).map(([to, sat]) => [
      to,
      `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, "0")}`,
    ]),
  );
}

/** The address carries the credentials. */
export async function ask(rpcUrl: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const { origin, username, password } = new URL(rpcUrl);
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  const response = await fetch(origin, {
    method: "POST",
    headers: { authorization: `Basic ${credentials}` },
    body: JSON.stringify({ jsonrpc: "1.0", id: "test", method, params }),
  });
  const { result, error } = (await response.json()) as { result: unknown; error: { message: string } | null };
  if (error !== null) throw new Error(`bitcoind ${method}: ${error.message}`);
  return result;
}
