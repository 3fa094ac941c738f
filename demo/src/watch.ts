// Follows the withdrawals to their ends and tells each change; mines a block whenever one waits for the chain.
import type { WithdrawalDetails } from "@sluice/client";
import type { Stack } from "@sluice/devstack";
import type { DemoWithdrawal } from "./scenario.ts";

const WAIT_AT_MOST_MS = 60_000;
const MINE_EVERY_MS = 700;

export async function watch(
  stack: Stack,
  withdrawals: readonly DemoWithdrawal[],
  progress: (line: string) => void,
  interrupted: AbortSignal,
): Promise<readonly WithdrawalDetails[]> {
  const states = new Map<string, string>();
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(WAIT_AT_MOST_MS)]);
  const following = withdrawals.map(({ request }) => {
    let told = 0;
    return stack.client.waitFor(request.id, [], {
      signal,
      pollMs: 100,
      onChange: (details) => {
        states.set(details.id, details.state);
        for (const { state, detail } of details.history.slice(told)) {
          progress(`${details.id}: ${state}${detail === "" ? "" : ` (${detail})`}`);
        }
        told = details.history.length;
      },
    });
  });
  const mining = setInterval(() => {
    const waiting = [...states.values()].some((state) => state === "broadcast" || state === "confirming");
    if (waiting) stack.chain.mine(1).catch((error: unknown) => progress(`mining failed: ${String(error)}`));
  }, MINE_EVERY_MS);
  try {
    return await Promise.all(following);
  } finally {
    clearInterval(mining);
  }
}
