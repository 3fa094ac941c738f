// Where a child can be attached that pays for a stuck transaction as well: on free change of it, or of what builds on it. Pure.
import type { Coin } from "@sluice/chains";
import type { ChainEnd } from "./decide-bump.ts";
import { nodesKeep, type UnconfirmedTransaction } from "./mempool-limits.ts";

/** One input of the wallet and one output, with room for two inputs more. */
const CHILD_VBYTES = 400;

export type UnconfirmedWithFee = UnconfirmedTransaction & { readonly feeSat: bigint };

/**
 * Of the free unconfirmed change that lies below the stuck transaction, or is its own, that with the smallest package above
 * it, which is the cheapest to lift. Null when there is none, or when nodes would not take a child at that place.
 */
export function findChainEnd(
  stuckTransactionId: string,
  unconfirmed: readonly UnconfirmedWithFee[],
  freeChange: readonly Coin[],
  changeIndex: number,
): ChainEnd | null {
  const byId = new Map(unconfirmed.map((each) => [each.transactionId, each]));
  const ends = freeChange.flatMap((change): readonly ChainEnd[] => {
    const above = ancestorsOf(change.txid, byId);
    if (!above.has(stuckTransactionId)) return [];
    if (!nodesKeep(unconfirmed, [{ ...change, confirmed: false }], CHILD_VBYTES)) return [];
    const ancestors = [...above].flatMap((transactionId) => byId.get(transactionId) ?? []);
    // What we know nothing of has no fee that could be counted.
    if (ancestors.length < above.size) return [];
    return [{ change, ancestors, changeIndex }];
  });
  const size = ({ ancestors }: ChainEnd): number => ancestors.reduce((sum, { vbytes }) => sum + vbytes, 0);
  const [best] = ends.toSorted(
    (left, right) => size(left) - size(right) || Number(right.change.amountSat - left.change.amountSat),
  );
  return best ?? null;
}

/** With the transaction itself. */
function ancestorsOf(transactionId: string, byId: ReadonlyMap<string, UnconfirmedTransaction>): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [transactionId];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(byId.get(next)?.parents ?? []));
  }
  return found;
}
