// The gateway's rounds, taken one by one in the test's own process on a real node and a real database: nothing has to be waited for.
import { fileURLToPath } from "node:url";
import { type FeeView, openNodes } from "@sluice/bitcoin-nodes";
import { noteInputs } from "@sluice/chain-memory";
import { decodeTransaction } from "@sluice/chains";
import { type MessageType, type OpenedOf, open } from "@sluice/contracts";
import { MESSAGING_MIGRATIONS } from "@sluice/messaging";
import { createPool, migrate, type Pool, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { createLogger } from "@sluice/runtime";
import { makeSeals } from "@sluice/signing-fixtures";
import { broadcastAll } from "../src/broadcaster.ts";
import { followChain } from "../src/chain-follower.ts";
import { addTransaction, type Withdrawals } from "../src/store.ts";
import { watchPending } from "../src/troubles.ts";
import { watchWallets } from "../src/wallet-scripts.ts";
import type { Chain, SignedTransaction } from "./chain.ts";
import { makeWallet, type TestWallet } from "./wallet.ts";

export type Following = {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly wallet: TestWallet;
  /** What blocks ask for, as the next rounds will be told. */
  readonly askFor: (satPerKvbyte: bigint | null) => void;
  /** As vault does; the withdrawal is named after the transaction unless given. */
  readonly release: (transaction: SignedTransaction, withdrawals?: Withdrawals, feeSat?: bigint) => Promise<void>;
  /** One round: look at what is pending, send what is due, follow the chain. */
  readonly round: () => Promise<void>;
  /** All that was said about a key, in the order of saying. */
  readonly said: <T extends MessageType>(type: T, key?: string) => Promise<readonly OpenedOf<T>["message"][]>;
  /** Of a transaction: "broadcast", "included 1", "reorged", "confirmed 3", in the order of saying. */
  readonly words: (txid: string) => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

export type FollowingOptions = { readonly startHeight?: number; readonly wallet?: TestWallet };

export async function openFollowing(chain: Chain, options: FollowingOptions = {}): Promise<Following> {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.url, applicationName: "gateway-test", max: 4 });
  await migrate(pool, [
    { set: "messaging", directory: MESSAGING_MIGRATIONS },
    { set: "blockchain-gateway", directory: fileURLToPath(new URL("../migrations", import.meta.url)) },
  ]);
  const { sealers, trust } = makeSeals();
  const wallet = options.wallet ?? makeWallet("hot-1", 5);
  const { origin, username, password } = new URL(chain.rpcUrl);
  const stopping = new AbortController();
  const credentials = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  const node = openNodes({
    nodes: [{ name: "first", url: origin, timeoutMs: 10_000, credentials }],
    ...{ quorum: 1, network: "regtest", stopping: stopping.signal },
  });
  let asked: bigint | null = null;
  const fees = async (): Promise<FeeView | null> =>
    asked === null
      ? null
      : { estimates: [{ targetBlocks: 6, satPerKvbyte: asked }], minimumSatPerKvbyte: 1_000n, nodes: 1 };
  const startHeight = options.startHeight ?? (await chain.height()) + 1;
  const logger = createLogger({ service: "test", level: "silent" });
  const shared = { pool, node, sealer: sealers["blockchain-gateway"], logger, stopping: stopping.signal };
  const watched = watchWallets([wallet]);
  const said: Following["said"] = async (type, key) => {
    const { rows } = await pool.query<{ envelope: Buffer }>(
      "select envelope from outbox where topic = $1 and ($2::text is null or key = $2) order by id",
      [type, key ?? null],
    );
    return rows.map(({ envelope }) => {
      const opened = open(trust, envelope, [type]);
      if (!opened.ok) throw new Error(opened.refusal.detail);
      return opened.value.message;
    });
  };
  return {
    pool,
    databaseUrl: database.url,
    wallet,
    askFor: (satPerKvbyte) => {
      asked = satPerKvbyte;
    },
    release: async ({ txid, bytes }, withdrawals = [{ withdrawalId: `w-${txid}`, attempt: 1 }], feeSat = 500n) => {
      const outpoints = decodeTransaction(bytes).inputs.map(({ outpoint }) => outpoint);
      await transaction(pool, async (tx) => {
        await addTransaction(tx, { txid, transaction: bytes, withdrawals, feeSat });
        await noteInputs(tx, txid, outpoints);
      });
    },
    round: async () => {
      const stuck = { afterMs: 0, afterBlocks: 0 };
      await watchPending({ ...shared, rebroadcastAfterMs: 0, stuck, fees });
      await broadcastAll({ ...shared, rebroadcastAfterMs: 0 });
      await followChain({ ...shared, watched, startHeight, requiredConfirmations: 3, deepestForkBlocks: 100 });
    },
    said,
    words: async (txid) => {
      const { rows } = await pool.query<{ topic: string; message_id: string }>(
        "select topic, message_id from outbox where key = $1 and topic like 'transaction.%' order by id",
        [txid],
      );
      return rows.map(({ topic }) => topic.split(".")[1] ?? topic);
    },
    close: async () => {
      stopping.abort();
      node.close();
      await pool.end();
      await database.drop();
    },
  };
}

/** Replaces the newest blocks by one more that hold only what is given, as a longer chain of somebody else would. */
export async function replaceBlocks(chain: Chain, count: number, first: readonly string[] = []): Promise<void> {
  const height = await chain.height();
  await chain.rpc("invalidateblock", await chain.rpc<string>("getblockhash", height - count + 1));
  for (let mined = 0; mined <= count; mined += 1) await chain.mineOnly(mined === 0 ? first : []);
}
