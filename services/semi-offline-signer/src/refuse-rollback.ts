// Either side may have been restored from an older copy: what each knows of this holder's journal has to fit together.
import type { MessageOf } from "@sluice/contracts";
import type { Journal } from "@sluice/sign-once";
import type { HolderRefusal } from "./judge-order.ts";

/** Transactions and refusals: the number of its records. */
export function recordsOf({ entries, refusals }: Pick<Journal, "entries" | "refusals">): bigint {
  return BigInt(entries + refusals);
}

/**
 * `acknowledged` is how many records semi-offline-risk has durably heard of since this process began. An order that
 * names none is from before holders were heard. It is no judgement of the order, so nothing goes into the journal.
 */
export function findRollback(
  { seenRecords = 0n, seenHead = "" }: Pick<MessageOf<"signing.ordered.v1">, "seenRecords" | "seenHead">,
  journal: Pick<Journal, "entries" | "refusals" | "head">,
  acknowledged: bigint,
): HolderRefusal | null {
  if (seenHead === "") return null;
  const own = recordsOf(journal);
  if (seenRecords > own) {
    return { code: "JOURNAL_BEHIND", reason: `this journal has ${own} records and was seen with ${seenRecords}` };
  }
  if (seenRecords === own && seenHead !== journal.head) {
    return { code: "JOURNAL_BEHIND", reason: `this journal has another record ${own} than was seen` };
  }
  if (seenRecords < acknowledged) {
    const reason = `${acknowledged} records were acknowledged, and the order names ${seenRecords}`;
    return { code: "ZONE_ROLLED_BACK", reason };
  }
  return null;
}
