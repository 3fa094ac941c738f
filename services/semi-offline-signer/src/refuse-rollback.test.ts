// What an order names of this holder's journal, against the journal and against what was acknowledged of it.
import { expect, test } from "vitest";
import { findRollback } from "./refuse-rollback.ts";

const journal = { entries: 4, refusals: 3, head: "aa" };

test.each<[string, bigint, string, bigint, string | null]>([
  ["names the journal as it is", 7n, "aa", 7n, null],
  ["was made before the newest record was heard of", 6n, "99", 6n, null],
  ["is from before this holder was heard", 0n, "", 7n, null],
  ["names a longer journal", 8n, "bb", 7n, "JOURNAL_BEHIND"],
  ["names another last record", 7n, "bb", 7n, "JOURNAL_BEHIND"],
  ["names less than was acknowledged", 6n, "99", 7n, "ZONE_ROLLED_BACK"],
])("an order that %s", (_, seenRecords, seenHead, acknowledged, code) => {
  expect(findRollback({ seenRecords, seenHead }, journal, acknowledged)?.code ?? null).toBe(code);
});
