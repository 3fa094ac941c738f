// Where a child can be attached that pays for a stuck transaction as well: on free change of it, or of what builds on it. Pure.
import type { Coin } from "@sluice/chains";
import { type ChainEnd, type Paid, reaches } from "./decide-bump.ts";
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

/** Of ours, what the transaction builds on that is in no block either. */
export function ancestorsIn(unconfirmed: readonly UnconfirmedWithFee[], transactionId: string): readonly Paid[] {
  const byId = new Map(unconfirmed.map((each) => [each.transactionId, each]));
  return [...ancestorsOf(transactionId, byId)].flatMap((id) => (id === transactionId ? [] : (byId.get(id) ?? [])));
}

/** Whether something that builds on it pays the wanted rate with all that it needs, this transaction among that. */
export function isLifted(
  unconfirmed: readonly UnconfirmedWithFee[],
  transactionId: string,
  wantedSatPerKvbyte: bigint,
): boolean {
  const byId = new Map(unconfirmed.map((each) => [each.transactionId, each]));
  return unconfirmed.some((below) => {
    if (below.transactionId === transactionId) return false;
    const needed = ancestorsOf(below.transactionId, byId);
    const known = [...needed].flatMap((id) => byId.get(id) ?? []);
    return needed.has(transactionId) && known.length === needed.size && reaches(known, wantedSatPerKvbyte);
  });
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
