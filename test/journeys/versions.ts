// What a test sees of a payout and its versions: by vault's list of tasks, and by the nodes themselves.
import { setTimeout as delay } from "node:timers/promises";
import { parseAddress } from "@sluice/chains";
import type { WithdrawalDetails } from "@sluice/client";
import type { BitcoindPart, Stack } from "@sluice/devstack";
import type { Request } from "../chaos/history.ts";
import { type NodeRpc, openNodeRpc } from "../chaos/node-rpc.ts";

export type Task = {
  readonly taskId: string;
  readonly transactionId: string;
  readonly state: string;
  readonly code: string | null;
  readonly feeSat: string;
  readonly replaces: string | null;
  readonly reason: string | null;
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[] | null;
};

export type Bump = { readonly transactionId: string; readonly code: string | null; readonly bumps: number };

export type Shown = {
  readonly txid: string;
  readonly hex: string;
  readonly vsize: number;
  readonly vin: readonly { readonly txid: string; readonly vout: number }[];
  readonly vout: readonly {
    readonly n: number;
    readonly value: number;
    readonly scriptPubKey: { readonly hex: string };
  }[];
};

export type Watch = ReturnType<typeof watchVersions>;

export function watchVersions(stack: Stack, bitcoind: BitcoindPart) {
  const nodes: readonly NodeRpc[] = [bitcoind, ...bitcoind.peers].map(({ rpcUrl }) => openNodeRpc(rpcUrl));
  const requests: Request[] = [];
  const shown = (txid: string) => stack.chain.rpc<Shown>("getrawtransaction", txid, true);
  const tasks = async () => (await getJson<{ tasks: readonly Task[] }>(`${stack.httpUrls.vault}/tasks`)).tasks;
  const generate = async (transactions: readonly string[]) => {
    await stack.chain.rpc("generateblock", await stack.chain.newAddress(), transactions);
  };
  return {
    nodes,
    requests: (): readonly Request[] => requests,
    shown,
    tasks,
    bumps: async () => (await getJson<{ bumps: readonly Bump[] }>(`${stack.httpUrls.vault}/tasks`)).bumps,
    /** Asks for a payment to somebody outside. */
    post: async (id: string, amountSat: bigint, account = "alice"): Promise<Request> => {
      const address = await stack.chain.newAddress();
      const parsed = parseAddress("regtest", address);
      if (!parsed.ok) throw new Error(parsed.refusal.detail);
      await stack.client.createWithdrawal({ id, account, asset: "BTC", amount: amountSat, address });
      const script = Buffer.from(parsed.value.scriptPubKey).toString("hex");
      const request = {
        id,
        account,
        address,
        amountSat: `${amountSat}`,
        script,
        answer: "accepted",
        due: "paid",
      } as const;
      requests.push(request);
      return request;
    },
    /** The newest of its versions that is signed, once every node has it. */
    broadcast: async (id: string): Promise<Shown> => {
      await stack.client.waitFor(id, ["broadcast"], { signal: AbortSignal.timeout(20_000), pollMs: 50 });
      const own = (await tasks()).find(({ withdrawals }) =>
        withdrawals?.some(({ withdrawalId }) => withdrawalId === id),
      );
      return shown(own?.transactionId ?? "");
    },
    /** Which of the nodes have it, and what it pays there. */
    entries: (txid: string): Promise<readonly (Entry | null)[]> =>
      Promise.all(nodes.map(({ ask }) => ask<Entry>("getmempoolentry", txid).catch(() => null))),
    /** A block with these alone, whatever the mempool has. */
    generate,
    /** Blocks as they come, until it is final. */
    complete: async (id: string): Promise<WithdrawalDetails> => {
      const done = stack.client.waitFor(id, ["completed"], { signal: AbortSignal.timeout(20_000), pollMs: 50 });
      await stack.chain.mine(2);
      return done;
    },
    /** Of the outputs, those that are not the wallet's own. */
    paymentsIn: ({ vout }: Shown): readonly { readonly script: string; readonly amountSat: string }[] => {
      const known = new Set(requests.map(({ script }) => script));
      return vout
        .filter(({ scriptPubKey }) => known.has(scriptPubKey.hex))
        .map(({ value, scriptPubKey }) => ({ script: scriptPubKey.hex, amountSat: satoshis(value) }));
    },
  };
}

/** How a replacement differs from what it replaces in more than its fee; empty when in nothing. `promised` are payees' scripts. */
export function versionFaults(
  original: Pick<Shown, "vin" | "vout">,
  replacement: Pick<Shown, "vin" | "vout">,
  promised: ReadonlySet<string>,
): readonly string[] {
  const [before, after] = [outpointsOf(original), outpointsOf(replacement)];
  const paid = ({ vout }: Pick<Shown, "vout">) =>
    vout.flatMap(({ value, scriptPubKey: { hex } }) => (promised.has(hex) ? [`${hex} ${satoshis(value)}`] : []));
  const faults: string[] = [];
  if (paid(original).length === 0) faults.push("NOBODY_IS_PAID");
  if (before[0] !== after[0]) faults.push("OTHER_ANCHOR");
  if (before.some((outpoint) => !after.includes(outpoint))) faults.push("INPUT_LEFT_OUT");
  if (paid(original).join() !== paid(replacement).join()) faults.push("OTHER_PAYMENTS");
  if (replacement.vout.length - paid(replacement).length > 1) faults.push("OTHER_OUTPUTS");
  return faults;
}

export type Entry = {
  readonly vsize: number;
  readonly fees: { readonly base: number };
  readonly descendantcount: number;
};

/** JSON has bitcoins as fractions; below 2^53 satoshi rounding is exact. */
export function satoshis(value: number): string {
  return String(Math.round(value * 100_000_000));
}

export const outpointsOf = ({ vin }: Pick<Shown, "vin">): readonly string[] =>
  vin.map(({ txid, vout }) => `${txid}:${vout}`);

export async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return (await answer.json()) as T;
}

/** Every node forgets its mempool and keeps its chain. The outside wallets are opened again. */
export async function forgetMempools(bitcoind: BitcoindPart, nodes: readonly NodeRpc[]): Promise<void> {
  const processes = [bitcoind, ...bitcoind.peers].map(({ process }) => process);
  // Asking for this makes a node write down all that it has, so that it forgets no block.
  for (const { ask } of nodes) await ask("gettxoutsetinfo");
  const [first] = nodes;
  const wallets = (await first?.ask<readonly string[]>("listwallets")) ?? [];
  for (const process of processes) await process?.kill();
  for (const process of processes) await process?.start();
  for (const wallet of wallets) await first?.ask("loadwallet", wallet);
  for (const { ask } of nodes) while ((await ask<number>("getconnectioncount")) === 0) await delay(50);
}
