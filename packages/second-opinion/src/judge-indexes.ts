// Where in the wallets a transaction may pay: change not further than anybody would look, and no payment to one of them.
import { type DecodedPayout, findScript, type Wallet } from "@sluice/chains";
import { finding } from "./finding.ts";
import type { ReadTask } from "./judge-task.ts";
import type { Due, History, Refusal } from "./judgement.ts";

/** Of used addresses the latest are known: a second of work when a process starts, and no more with the years. */
const LATEST_INDEXES = 1_000;

/**
 * Each change goes to an address of its own, so indexes rise for ever. A change beyond the gap limit after the highest one
 * that was ever ordered would lie where a wallet that is restored from its descriptor does not look: whoever knows the
 * index could ask a ransom for it. Only what was ordered counts: what is said of inputs proves no use.
 */
export function findStrayIndex(
  { wallet, wallets }: Pick<ReadTask, "wallet" | "wallets">,
  decoded: Pick<DecodedPayout, "change">,
  due: readonly Pick<Due, "withdrawalId" | "scriptHex">[],
  history: Pick<History, "changeIndexes">,
): Refusal | null {
  const limit = searchOf(wallet, history).limit;
  const stray = decoded.change.find(({ pathIndex }) => pathIndex >= limit);
  if (stray !== undefined) {
    const reason = `the change at index ${stray.pathIndex} is a gap limit or more beyond all that was ordered`;
    return { kind: "refuse", findings: [finding("", "OUTPUT_CLAIM_BEYOND_GAP_LIMIT", reason)] };
  }
  const own = due.filter(({ scriptHex }) => isOwnLater(Buffer.from(scriptHex, "hex"), wallets, history));
  if (own.length === 0) return null;
  return {
    kind: "refuse",
    findings: own.map(({ withdrawalId }) => finding(withdrawalId, "PAYMENT_TO_OWN_WALLET", PAYS_ITSELF)),
  };
}

export const PAYS_ITSELF = "the destination is one of the hot wallets itself";

/** Whichever wallet pays, none of them is a destination. Below the gap limit was looked when the task was read. */
function isOwnLater(
  scriptPubKey: Uint8Array,
  wallets: ReadonlyMap<string, Wallet>,
  history: Pick<History, "changeIndexes">,
): boolean {
  return [...wallets.values()].some((wallet) => {
    const { from, limit } = searchOf(wallet, history);
    return limit > wallet.gapLimit && findScript(wallet.descriptor, scriptPubKey, limit, from) !== null;
  });
}

/** Where a wallet's latest addresses are, up to a gap limit beyond the highest that was ordered. */
function searchOf({ walletId, gapLimit }: Wallet, { changeIndexes }: Pick<History, "changeIndexes">) {
  const highest = changeIndexes?.get(walletId) ?? -1;
  return { from: Math.max(0, highest - LATEST_INDEXES), limit: highest + 1 + gapLimit };
}

/** Null when there is no change. */
export function highestChangeIndexOf({ change }: Pick<DecodedPayout, "change">): number | null {
  return change.length === 0 ? null : Math.max(...change.map(({ pathIndex }) => pathIndex));
}
