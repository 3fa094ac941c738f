// Which conflict counts, and when it is news.
import { expect, test } from "vitest";
import { type Conflict, conflictNews, gravestConflict } from "./conflicts.ts";

const inMempool: Conflict = {
  ...{ outpoint: "a:0", otherTxid: "other", own: false, blockHash: null, height: 0, confirmations: 0 },
};
const inBlock: Conflict = { ...inMempool, blockHash: "block", height: 7, confirmations: 1 };

test("of several the deepest counts, and of those a stranger's", () => {
  expect(gravestConflict([])).toBeNull();
  expect(gravestConflict([inMempool, inBlock])).toBe(inBlock);
  const deeper = { ...inBlock, confirmations: 3, own: true };
  expect(gravestConflict([inBlock, deeper, inMempool])).toBe(deeper);
  expect(gravestConflict([{ ...inBlock, own: true }, inBlock])).toBe(inBlock);
});

const told = (conflict: Conflict, spent: readonly Conflict[] = [conflict]) => ({ ...conflict, spent });

test("all that others have spent is told, in one order, and any change in it is news", () => {
  const second = { ...inBlock, outpoint: "b:1", otherTxid: "third" };
  const news = conflictNews([second, inBlock], null, 3);
  expect(news).toEqual({ ...inBlock, spent: [inBlock, second] });
  expect(conflictNews([inBlock, second], news, 3)).toBeNull();
  expect(conflictNews([inBlock], news, 3)).toEqual({ ...inBlock, spent: [inBlock] });
  const deeper = { ...second, confirmations: 2 };
  expect(
    conflictNews([{ ...inBlock, confirmations: 2 }, deeper], news, 3)?.spent.map((each) => each.confirmations),
  ).toEqual([2, 2]);
});

test.each<[string, Conflict | null, Conflict | null, Partial<Conflict> | null]>([
  ["none was and none is", null, null, null],
  ["the first time it is seen", inMempool, null, inMempool],
  ["it is as it was", inMempool, inMempool, null],
  ["it got into a block", inBlock, inMempool, inBlock],
  ["its block is deeper", { ...inBlock, confirmations: 2 }, inBlock, { confirmations: 2 }],
  ["it is deeper than final", { ...inBlock, confirmations: 9 }, inBlock, { confirmations: 3 }],
  ["it was final before", { ...inBlock, confirmations: 9 }, { ...inBlock, confirmations: 3 }, null],
  ["it is in another block", { ...inBlock, blockHash: "new" }, inBlock, { blockHash: "new" }],
  ["it turned out to be ours", { ...inBlock, own: true }, inBlock, { own: true }],
  ["another one is in the way", { ...inBlock, otherTxid: "third" }, inBlock, { otherTxid: "third" }],
  ["its block left the best chain", null, inBlock, { blockHash: null, height: 0, confirmations: 0 }],
  ["it is gone from the mempool", null, inMempool, null],
])("when %s", (_, now, said, news) => {
  const found = conflictNews(now === null ? [] : [now], said === null ? null : told(said), 3);
  if (news === null) expect(found).toBeNull();
  else expect(found).toMatchObject(news);
});
