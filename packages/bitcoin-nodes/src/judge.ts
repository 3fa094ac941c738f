// What the agreed chain makes of one node: its word for the operator. Nothing else depends on it.
import type { Member } from "./member.ts";
import type { ChainClaim } from "./node-client.ts";
import type { HealthWord } from "./node-fault.ts";

/** Blocks take seconds to travel: one more or less says nothing. */
const TRAVELLING_BLOCKS = 2;

export async function judgeMember(
  member: Member,
  agreed: { readonly height: number; readonly hash: string },
  agreedAt: (height: number) => Promise<string | null>,
): Promise<void> {
  const claim = member.tip();
  if (claim === null) return;
  // Where both are at the same tip, as nearly always, nobody is asked anything.
  const shared = Math.min(claim.height, agreed.height);
  const own = shared === claim.height ? claim.hash : await member.ask((client) => client.hashAt(shared));
  const theirs = shared === agreed.height ? agreed.hash : await agreedAt(shared);
  if (own !== theirs && theirs !== null) {
    return member.judge("fork", `has ${own} at ${shared}, where the others agree on ${theirs}`);
  }
  member.judge(...wordOf(claim, agreed.height));
}

function wordOf({ height, headers, initialDownload, pruned }: ChainClaim, agreed: number): [HealthWord, string] {
  if (height + TRAVELLING_BLOCKS <= agreed) return ["behind", `${agreed - height} blocks behind the others`];
  if (height > agreed + TRAVELLING_BLOCKS) return ["ahead", `${height - agreed} blocks more than the others`];
  if (headers > height + TRAVELLING_BLOCKS) return ["behind", `reads block ${height} of ${headers}`];
  // A chain that nobody works on, as on regtest, looks like this too.
  if (initialDownload) return ["initial-download", "says so itself"];
  return pruned ? ["pruned", "old blocks are asked of the others"] : ["ok", ""];
}
