// Where in the wallet a transaction may pay: change not further than anybody would look, and no payment to the wallet itself.
import { type DecodedPayout, findScript, type Wallet } from "@sluice/chains";
import { finding } from "./finding.ts";
import type { Due, History, Refusal } from "./judgement.ts";

/** Of used addresses the latest are known: a second of work when a process starts, and no more with the years. */
const LATEST_INDEXES = 1_000;

/**
 * Each change goes to an address of its own, so indexes rise for ever. A change beyond the gap limit after the highest one
 * that was ever ordered would lie where a wallet that is restored from its descriptor does not look: whoever knows the
 * index could ask a ransom for it. Only what was ordered counts: what is said of inputs proves no use.
 */
export function findStrayIndex(
  wallet: Wallet,
  decoded: Pick<DecodedPayout, "change">,
  due: readonly Pick<Due, "withdrawalId" | "scriptHex">[],
  { highestChangeIndex = -1 }: Pick<History, "highestChangeIndex">,
): Refusal | null {
  const { descriptor, gapLimit } = wallet;
  const limit = highestChangeIndex + 1 + gapLimit;
  const stray = decoded.change.find(({ pathIndex }) => pathIndex >= limit);
  if (stray !== undefined) {
    const reason = `the change at index ${stray.pathIndex} is a gap limit or more beyond all that was ordered`;
    return { kind: "refuse", findings: [finding("", "OUTPUT_CLAIM_BEYOND_GAP_LIMIT", reason)] };
  }
  // Below the gap limit was looked when the task was read.
  if (highestChangeIndex < 0) return null;
  const from = Math.max(0, highestChangeIndex - LATEST_INDEXES);
  const own = due.filter(
    ({ scriptHex }) => findScript(descriptor, Buffer.from(scriptHex, "hex"), limit, from) !== null,
  );
  if (own.length === 0) return null;
  const reason = "the destination is the hot wallet itself";
  return {
    kind: "refuse",
    findings: own.map(({ withdrawalId }) => finding(withdrawalId, "PAYMENT_TO_OWN_WALLET", reason)),
  };
}

/** Null when there is no change. */
export function highestChangeIndexOf({ change }: Pick<DecodedPayout, "change">): number | null {
  return change.length === 0 ? null : Math.max(...change.map(({ pathIndex }) => pathIndex));
}
