// Makes the history of a run: from the harness's own record, from the node block by block, and from what services show.
import { deriveScript } from "@sluice/chains";
import type { Parts, Stack } from "@sluice/devstack";
import { createPool, type Pool } from "@sluice/postgres";
import type { Block, ChainTransaction, History, Request, Services } from "./history.ts";
import type { NodeRpc } from "./node-rpc.ts";

export type Observer = {
  readonly history: (requests: readonly Request[]) => Promise<History>;
  /** Withdrawals that are not yet in a state which no other follows, and payouts not yet posted. Cheap enough to ask often. */
  readonly unfinished: () => Promise<number>;
  /** What each withdrawal that is not finished is, and what it says it waits for. */
  readonly waiting: () => Promise<readonly string[]>;
  /** An administrator's look into a service's database: measuring needs it, deciding does not. */
  readonly databaseOf: (service: string) => Pool;
  readonly close: () => Promise<void>;
};

export type ObserverOptions = {
  readonly stack: Stack;
  readonly parts: Pick<Parts, "postgres">;
  readonly rpc: NodeRpc;
  readonly seed: number;
  readonly startHeight: number;
  readonly requiredConfirmations: number;
  /** More of each branch than the run uses: an output beyond them would be called unauthorised. */
  readonly scripts: { readonly receiving: number; readonly change: number };
};

const FINAL = ["completed", "rejected", "refused", "cancelled", "failed"];

export function openObserver(options: ObserverOptions): Observer {
  const { stack, parts, rpc } = options;
  const pools = new Map<string, Pool>();
  const read = new Map<string, Block>();
  let scripts: readonly string[] | undefined;
  const databaseOf = (service: string): Pool => {
    const url = new URL(parts.postgres.url);
    url.pathname = `/sluice_${stack.inside.topicPrefix.replace(".", "")}_${service.replaceAll("-", "_")}`;
    const pool = pools.get(service) ?? createPool({ url: url.toString(), applicationName: "chaos", max: 2 });
    pools.set(service, pool);
    return pool;
  };
  return {
    databaseOf,
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
    unfinished: async () => {
      const [withdrawals, payouts] = await Promise.all([
        databaseOf("online-risk").query<{ open: bigint }>(
          "select count(*) as open from withdrawal where state <> all($1)",
          [FINAL],
        ),
        databaseOf("treasury").query<{ open: bigint }>(
          "select count(*) as open from payout where standing = 'pending'",
        ),
      ]);
      return Number(withdrawals.rows[0]?.open ?? 0) + Number(payouts.rows[0]?.open ?? 0);
    },
    waiting: async () => {
      const { rows } = await databaseOf("online-risk").query<{ state: string; detail: string }>(
        "select state, detail from withdrawal where state <> all($1)",
        [FINAL],
      );
      return rows.map(({ state, detail }) => `${state}: ${detail.replace(/[0-9a-f]{16,}|[0-9]+/g, "…").slice(0, 160)}`);
    },
    history: async (requests) => {
      scripts ??= walletScripts(options);
      return {
        seed: options.seed,
        requiredConfirmations: options.requiredConfirmations,
        requests,
        walletScripts: scripts,
        blocks: await readBlocks(rpc, options.startHeight, read),
        mempool: await readMempool(rpc),
        services: await readServices(stack, databaseOf),
      };
    },
  };
}

function walletScripts({ stack, scripts }: ObserverOptions): readonly string[] {
  return ([0, 1] as const).flatMap((branch) =>
    Array.from({ length: branch === 0 ? scripts.receiving : scripts.change }, (_, index) =>
      Buffer.from(deriveScript(stack.wallet, branch, index).scriptPubKey).toString("hex"),
    ),
  );
}

type ShownTransaction = {
  readonly txid: string;
  readonly vin: readonly { readonly txid?: string; readonly vout?: number }[];
  readonly vout: readonly { readonly value: number; readonly scriptPubKey: { readonly hex: string } }[];
};
type ShownBlock = {
  readonly height: number;
  readonly hash: string;
  readonly previousblockhash: string;
  readonly tx: readonly ShownTransaction[];
};

/** The best chain from this height on, decoded by the node and by no code of ours. */
async function readBlocks(rpc: NodeRpc, from: number, known: Map<string, Block>): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  const tip = await rpc.ask<number>("getblockcount");
  for (let height = from; height <= tip; height += 1) {
    const hash = await rpc.ask<string>("getblockhash", height);
    const block = known.get(hash) ?? toBlock(await rpc.ask<ShownBlock>("getblock", hash, 2));
    known.set(hash, block);
    blocks.push(block);
  }
  return blocks;
}

function toBlock({ height, hash, previousblockhash, tx }: ShownBlock): Block {
  return { height, hash, previous: previousblockhash, transactions: tx.slice(1).map(toTransaction) };
}

function toTransaction({ txid, vin, vout }: ShownTransaction): ChainTransaction {
  return {
    txid,
    spends: vin.map((input) => `${input.txid}:${input.vout}`),
    // JSON has bitcoins as fractions; below 2^53 satoshi rounding is exact.
    pays: vout.map(({ value, scriptPubKey }) => ({
      script: scriptPubKey.hex,
      amountSat: String(Math.round(value * 100_000_000)),
    })),
  };
}

async function readMempool(rpc: NodeRpc): Promise<readonly ChainTransaction[]> {
  const txids = await rpc.ask<readonly string[]>("getrawmempool");
  return Promise.all(txids.map(async (txid) => toTransaction(await rpc.ask("getrawtransaction", txid, true))));
}

async function readServices(stack: Stack, databaseOf: (service: string) => Pool): Promise<Services> {
  const rows = async <T>(service: string, sql: string): Promise<readonly T[]> =>
    (await databaseOf(service).query<T>(sql)).rows;
  const ledger = await getJson<{ readonly reconciliation: { readonly driftSat: string }; readonly balances: Balances }>(
    `${stack.httpUrls.treasury}/ledger`,
  );
  const outpoints = async (sql: string) =>
    (await rows<{ outpoint: string }>("vault", sql)).map(({ outpoint }) => outpoint);
  return {
    withdrawals: await readWithdrawals(stack),
    ledger: {
      driftSat: ledger.reconciliation.driftSat,
      balances: ledger.balances.map(({ account, asset, amountMinor }) => ({ account, asset, amountMinor })),
      payouts: await rows("treasury", PAYOUTS),
      transfers: await rows("treasury", TRANSFERS),
    },
    vault: {
      reservations: await outpoints("select outpoint from reservation"),
      // The change of a version that is superseded never comes to be.
      unspentCoins: await outpoints(
        `select outpoint from coin where state = 'unspent' and not exists
           (select from task where task.id = made_by and task.state = 'superseded')`,
      ),
      openTasks: (
        await rows<{ id: string }>(
          "vault",
          "select id from task where state not in ('confirmed', 'refused', 'superseded')",
        )
      ).map(({ id }) => id),
      parkedReports: (await rows<{ code: string }>("vault", "select code from parked_report")).map(({ code }) => code),
    },
    ...(await readLetters(Object.keys(stack.httpUrls), rows)),
  };
}

type Balances = readonly { readonly account: string; readonly asset: string; readonly amountMinor: string }[];

const PAYOUTS = `select withdrawal_id as "withdrawalId", account, amount_minor::text as "amountSat", standing,
  posted_by as "postedBy" from payout`;

/** A transfer's id is its kind, then what it is about; its amount is what was debited. */
const TRANSFERS = `select kind, split_part(id, ':', 2) as about, sum(amount_minor)::text as "amountSat"
  from ledger_transfer join ledger_entry on transfer_id = id and amount_minor > 0
  where kind in ('payout-posted', 'network-fee') group by id, kind`;

async function readWithdrawals({ client }: Stack): Promise<Services["withdrawals"]> {
  const found: Services["withdrawals"][number][] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await client.listWithdrawals({ limit: 200, ...(cursor === "" ? {} : { cursor }) });
    for (const { id, account, address, amount, state, txid } of page.withdrawals) {
      found.push({ id, account, address, amountSat: amount, state, txid });
    }
    cursor = page.nextCursor;
  }
  return found;
}

async function readLetters(
  services: readonly string[],
  rows: <T>(service: string, sql: string) => Promise<readonly T[]>,
): Promise<Pick<Services, "deadLetters" | "repairs">> {
  const deadLetters: string[] = [];
  const repairs: string[] = [];
  for (const service of services) {
    const letters = await rows<{ id: bigint; topic: string; code: string; reason: string; resolution: string | null }>(
      service,
      "select id, topic, code, reason, resolution from dead_letter",
    );
    for (const { id, topic, code, reason, resolution } of letters) {
      deadLetters.push(`${service}/${topic}/${code}: ${reason}`);
      if (resolution !== null) repairs.push(`${service}: dead letter ${id} was ${resolution} by hand`);
    }
  }
  return { deadLetters, repairs };
}

async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return (await answer.json()) as T;
}
