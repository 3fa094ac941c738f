// What a wallet may lose by all that was ordered: of transactions that share an anchor at most one confirms, so the dearest counts.
import type { VelocityEntry } from "@sluice/core";

/** What an ordered transaction takes out of its wallet. */
export type Outflow = VelocityEntry & {
  /** An outpoint that it spends, under which its versions are known; null or absent: it has none. */
  readonly anchor?: string | null;
};

/**
 * Each group of versions as one entry: the dearest amount at the latest time, so that it counts in every window in which any of
 * them does. The candidate stands for its own group, which counts from now. Never less than what could be paid: every
 * transaction is in one group, all of a group spend one outpoint, and so at most one of each group confirms.
 */
export function outflowBeside(
  past: readonly Outflow[],
  candidate: Outflow,
): { readonly past: readonly VelocityEntry[]; readonly candidate: VelocityEntry } {
  const groups = Map.groupBy([...past, candidate], groupOf);
  const own = groups.get(groupOf(candidate)) ?? [candidate];
  groups.delete(groupOf(candidate));
  return { past: [...groups.values()].map(dearest), candidate: { ...dearest(own), atMs: candidate.atMs } };
}

/** One that has no anchor is a group of its own. */
function groupOf(outflow: Outflow): unknown {
  return outflow.anchor ?? outflow;
}

function dearest(versions: readonly Outflow[]): VelocityEntry {
  return versions.reduce<VelocityEntry>(
    (most, { atMs, amountMinor }) => ({
      atMs: Math.max(most.atMs, atMs),
      amountMinor: larger(most.amountMinor, amountMinor),
    }),
    { atMs: 0, amountMinor: 0n },
  );
}

function larger(left: bigint, right: bigint): bigint {
  if (left > right) return left;
  return right;
}
