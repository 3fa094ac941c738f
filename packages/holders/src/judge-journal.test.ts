// When what a holder says of its journal does not fit what is on record, one row a reason, just before and just after.
import { expect, test } from "vitest";
import { type JournalSeen, judgeJournal } from "./judge-journal.ts";

const at = (records: bigint, head = `head-${records}`): JournalSeen => ({ records, head });

test.each<[string, JournalSeen | null, JournalSeen, bigint, bigint, string | null]>([
  ["a new holder", null, at(0n), 0n, 0n, null],
  ["the same as before", at(5n), at(5n), 5n, 0n, null],
  ["longer, by orders of ours", at(5n), at(7n), 7n, 0n, null],
  ["shorter than there are orders: not all were answered", at(5n), at(6n), 9n, 0n, null],
  ["shorter than before", at(5n), at(4n), 9n, 0n, "HOLDER_ROLLED_BACK"],
  ["empty again", at(5n), at(0n), 9n, 0n, "HOLDER_ROLLED_BACK"],
  ["as long as before, with another head", at(5n), at(5n, "other"), 9n, 0n, "HOLDER_ROLLED_BACK"],
  ["longer than there are orders", at(5n), at(8n), 7n, 0n, "ZONE_ROLLED_BACK"],
  ["a new holder with a journal that we know nothing of", null, at(1n), 0n, 0n, "ZONE_ROLLED_BACK"],
  ["as long as a person has accepted", at(5n), at(8n), 7n, 1n, null],
  ["longer than a person has accepted", at(5n), at(9n), 7n, 1n, "ZONE_ROLLED_BACK"],
])("a journal that is %s", (_, seen, reported, ordered, accepted, code) => {
  expect(judgeJournal(seen, reported, ordered, accepted)?.code ?? null).toBe(code);
});
