// A gateway on real parts: its node behind a line that can be cut and watched.
import type { MessageOf, MessageType } from "@sluice/contracts";
import { type Deployment, type Line, openDeployment, openLine, until } from "@sluice/online-service/testing";
import type { Chain, SignedTransaction } from "./chain.ts";
import { listed, makeWallet, type TestWallet } from "./wallet.ts";

const MAIN = new URL("../src/main.ts", import.meta.url);

export type Gateway = Deployment & {
  readonly chain: Chain;
  /** Between gateway and node. */
  readonly line: Line;
  readonly wallets: readonly [TestWallet, TestWallet];
  /** Releases a transaction as vault does. */
  readonly release: (transaction: SignedTransaction, withdrawalIds?: readonly string[]) => Promise<void>;
  readonly row: (txid: string) => Promise<Row | undefined>;
  readonly readHeight: () => Promise<number>;
};

export type Row = {
  readonly state: string;
  readonly transaction: Buffer;
  readonly sends: number;
  readonly confirmations: number;
  readonly last_error: string | null;
};

export type Settings = Readonly<Record<string, string>>;

export type NodeEntry = { readonly name: string; readonly url: string; readonly zmq?: string };

/** Reads the chain from where it is now, unless told otherwise; from one node, behind its line, unless others are named. */
export async function openGateway(
  chain: Chain,
  settings: Settings = {},
  more: { readonly nodes?: readonly NodeEntry[]; readonly secrets?: Readonly<Record<string, object>> } = {},
): Promise<Gateway> {
  const node = new URL(chain.rpcUrl);
  const line = await openLine({ host: node.hostname, port: Number(node.port) });
  const wallets = [makeWallet("hot-1", 5), makeWallet("hot-2", 5)] as const;
  const deployment = await openDeployment({
    service: "blockchain-gateway",
    main: MAIN,
    files: {
      SLUICE_WALLETS_FILE: wallets.map(listed),
      SLUICE_BITCOIN_NODES_FILE: {
        nodes: more.nodes ?? [{ name: "first", url: `http://${line.host}:${line.port}` }],
      },
    },
    env: {
      SLUICE_NETWORK: "regtest",
      SLUICE_REQUIRED_CONFIRMATIONS: "3",
      SLUICE_POLL_INTERVAL_MS: "100ms",
      SLUICE_REBROADCAST_AFTER_MS: "1s",
      SLUICE_START_HEIGHT: String((await chain.height()) + 1),
      SLUICE_LOG_LEVEL: "debug",
      ...settings,
    },
    secrets: {
      bitcoinNodes: more.secrets ?? {
        first: { user: decodeURIComponent(node.username), password: decodeURIComponent(node.password) },
      },
    },
  });
  return {
    ...deployment,
    chain,
    line,
    wallets,
    release: async (transaction, withdrawalIds = [`w-${transaction.txid}`]) => {
      await deployment.publish("transaction.signed.v1", released(transaction, withdrawalIds));
    },
    row: async (txid) =>
      (await deployment.pool.query<Row>("select * from chain_transaction where txid = $1", [txid])).rows[0],
    readHeight: async () =>
      (await deployment.pool.query<{ height: number | null }>("select max(height) as height from block")).rows[0]
        ?.height ?? -1,
    close: async () => {
      await deployment.close();
      await line.close();
    },
  };
}

export function released({ txid, bytes }: SignedTransaction, withdrawalIds: readonly string[] = [`w-${txid}`]) {
  const payouts = withdrawalIds.map((withdrawalId) => ({
    ...{ withdrawalId, attempt: 1, account: "alice", address: "bcrt1q", amountSat: 10_000n },
  }));
  const message: MessageOf<"transaction.signed.v1"> = {
    ...{ taskId: `task-${txid}`, walletId: "hot-1", transactionId: txid, transaction: bytes },
    ...{ payouts, spent: [], feeSat: 500n, changeSat: 0n },
  };
  return { id: `${message.taskId}/signed`, key: txid, occurredAtMs: 1_700_000_000_000, message };
}

/** Until the gateway has read what the chain has now. */
export async function readUp(gateway: Gateway): Promise<void> {
  const height = await gateway.chain.height();
  await until(gateway.readHeight, (read) => read >= height);
}

export async function inState(gateway: Gateway, txid: string, state: string): Promise<Row> {
  const row = await until(
    () => gateway.row(txid),
    (found) => found?.state === state,
  );
  if (row === undefined) throw new Error("it was there");
  return row;
}

/** Every conflict and stuckness that was told of a transaction, in the order of revisions. */
export async function troublesOf(gateway: Gateway, txid: string) {
  const conflicted = (await gateway.collected("transaction.conflicted.v1")).map(({ key, message }) => ({
    ...{ key, revision: message.revision, told: "conflicted" as const, conflicted: message, stuck: null },
  }));
  const stuck = (await gateway.collected("transaction.stuck.v1")).map(({ key, message }) => ({
    ...{ key, revision: message.revision, told: "stuck" as const, conflicted: null, stuck: message },
  }));
  return [...conflicted, ...stuck].filter(({ key }) => key === txid).toSorted((a, b) => a.revision - b.revision);
}

const FACTS = [
  "transaction.broadcast.v1",
  "transaction.included.v1",
  "transaction.reorged.v1",
  "transaction.confirmed.v1",
] as const satisfies readonly MessageType[];

export type Fact = {
  readonly fact: "broadcast" | "included" | "reorged" | "confirmed";
  readonly id: string;
  readonly revision: number;
  readonly height: number;
  readonly confirmations: number;
  readonly blockHash: string;
};

/** What the gateway said of a transaction, in the order of its revisions; the broadcast, which has none, first. */
export async function factsOf(gateway: Gateway, txid: string): Promise<readonly Fact[]> {
  const all = await Promise.all(FACTS.map((type) => gateway.collected(type)));
  return all
    .flat()
    .filter(({ key }) => key === txid)
    .map(({ id, type, message }): Fact => {
      const fact = type.split(".")[1] as Fact["fact"];
      return { ...{ revision: 0, height: 0, confirmations: 0, blockHash: "" }, ...message, id, fact };
    })
    .toSorted((a, b) => a.revision - b.revision);
}

/** What was said, as words: "broadcast", "included 1", "confirmed 3". */
export async function wordsOf(gateway: Gateway, txid: string): Promise<readonly string[]> {
  return (await factsOf(gateway, txid)).map(({ fact, confirmations }) =>
    confirmations === 0 ? fact : `${fact} ${confirmations}`,
  );
}

export async function coinsOf(gateway: Gateway) {
  return gateway.collected("coin.observed.v1");
}
