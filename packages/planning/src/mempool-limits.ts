// What nodes keep of transactions that build on each other before any of them is in a block.
import type { Coin } from "@sluice/chains";

/** A live transaction of our own that is in no block yet. */
export type UnconfirmedTransaction = {
  readonly transactionId: string;
  readonly vbytes: number;
  /** The unconfirmed transactions, of our own, whose change it spends. */
  readonly parents: readonly string[];
};

/**
 * Bitcoin Core's defaults for a transaction with its unconfirmed ancestors (-limitancestorcount, -limitancestorsize, the
 * latter in units of 1,000 vbytes). They hold here for all transactions that hang together, ancestors or not: so the limits for
 * descendants, which are the same, hold as well.
 */
export const MEMPOOL_LIMITS = { transactions: 25, vbytes: 101_000 } as const;

export type UnconfirmedChain = { readonly transactions: number; readonly vbytes: number };

/** All that hangs together with any of the transactions. One that is not known counts without end. */
export function chainOf(
  unconfirmed: readonly UnconfirmedTransaction[],
  transactionIds: readonly string[],
): UnconfirmedChain {
  const known = new Map(unconfirmed.map((one) => [one.transactionId, one]));
  const beside = new Map<string, string[]>(unconfirmed.map(({ transactionId }) => [transactionId, []]));
  for (const { transactionId, parents } of unconfirmed) {
    for (const parent of parents) {
      beside.get(transactionId)?.push(parent);
      beside.get(parent)?.push(transactionId);
    }
  }
  const chain = new Set<string>();
  const open = [...transactionIds];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (chain.has(id)) continue;
    chain.add(id);
    open.push(...(beside.get(id) ?? []));
  }
  const sizes = [...chain].map((id) => known.get(id)?.vbytes ?? Number.POSITIVE_INFINITY);
  return { transactions: chain.size, vbytes: sizes.reduce((sum, vbytes) => sum + vbytes, 0) };
}

/** Whether nodes keep a transaction of this size that spends these coins. */
export function nodesKeep(
  unconfirmed: readonly UnconfirmedTransaction[],
  inputs: readonly Coin[],
  vbytes: number,
): boolean {
  const parents = inputs.filter(({ confirmed }) => confirmed === false).map(({ txid }) => txid);
  if (parents.length === 0) return true;
  const chain = chainOf(unconfirmed, parents);
  return chain.transactions + 1 <= MEMPOOL_LIMITS.transactions && chain.vbytes + vbytes <= MEMPOOL_LIMITS.vbytes;
}

/** Of unconfirmed coins, the one that brings the longest chain: the first to do without. */
export function longestChained(
  unconfirmed: readonly UnconfirmedTransaction[],
  coins: readonly Coin[],
): Coin | undefined {
  const length = ({ txid }: Coin): number => {
    const chain = chainOf(unconfirmed, [txid]);
    return Math.max(chain.transactions / MEMPOOL_LIMITS.transactions, chain.vbytes / MEMPOOL_LIMITS.vbytes);
  };
  const unsettled = coins.filter(({ confirmed }) => confirmed === false);
  return unsettled.reduce<Coin | undefined>(
    (longest, coin) => (longest === undefined || length(coin) > length(longest) ? coin : longest),
    undefined,
  );
}
