// What comes again: the very same is answered in the very same way, and anything else under an old name is refused.
import { HOLDERS } from "@sluice/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signHonestly } from "./control.ts";
import { asked, CONTROL_ANCHOR, cleared, honest, orderOf, otherCoin, planned, sealOrder, sealTask } from "./honest.ts";
import { makeParty, type Party } from "./party.ts";

let party: Party;
beforeEach(() => {
  party = makeParty();
});
afterEach(() => party.close());

test("a task that was signed is found good again, and each holder gives the same signatures without a record more", () => {
  const answers = () =>
    HOLDERS.map((holder) => {
      const verdict = party.judgeOrder(holder, sealOrder(orderOf(honest, holder)));
      return verdict.kind === "signed" ? verdict.answer : verdict.code;
    });
  expect(signHonestly(party, honest)).toEqual(["first", "first", "first"]);
  const first = answers();
  expect(signHonestly(party, honest)).toEqual(["again", "again", "again"]);
  expect(answers()).toEqual(first);
  expect([party.memory.ordered, ...party.entries()]).toEqual([1, 1, 1, 1]);
});

test("the replaced task may come again after its replacement: the two conflict, and nothing is new", () => {
  const bump = { ...honest, taskId: "task-bump", psbt: planned({ rate: 9 }) };
  signHonestly(party, honest);
  expect(signHonestly(party, bump)).toEqual(["first", "first", "first"]);
  expect(signHonestly(party, honest)).toEqual(["again", "again", "again"]);
  expect(party.entries()).toEqual([2, 2, 2]);
});

test("other content under the name of a task is dropped with an alarm, before and after it was signed", () => {
  const changed = { ...honest, psbt: planned({ coins: [otherCoin] }) };
  signHonestly(party, honest);
  expect(party.judgeTask(sealTask(changed))).toEqual({ kind: "dropped", code: "TASK_CHANGED" });
  for (const holder of HOLDERS) {
    const order = { ...orderOf(changed, holder) };
    const anchored = order.withdrawals.map((each) => ({ ...each, anchor: CONTROL_ANCHOR }));
    const verdict = party.judgeOrder(holder, sealOrder({ ...order, withdrawals: anchored }));
    expect(verdict).toEqual({ kind: "refused", code: "ANCHOR_MISSING" });
  }
  expect([party.memory.ordered, ...party.entries()]).toEqual([1, 1, 1, 1]);
});

test("an order that a holder refused stays refused in its honest form, under the same name", () => {
  const [one] = asked;
  if (one === undefined) throw new Error("something was asked for");
  const [, second] = honest.withdrawals;
  if (second === undefined) throw new Error("two were cleared");
  const wrong = { ...honest, withdrawals: [cleared({ ...one, amount: "1" }), second] };
  for (const holder of HOLDERS) {
    expect(party.judgeOrder(holder, sealOrder(orderOf(wrong, holder)))).toMatchObject({ code: "PAYMENT_AMOUNT" });
    expect(party.judgeOrder(holder, sealOrder(orderOf(honest, holder)))).toMatchObject({ code: "TASK_REFUSED_BEFORE" });
    const renamed = { ...orderOf(honest, holder), taskId: "task-again" };
    expect(party.judgeOrder(holder, sealOrder(renamed))).toMatchObject({ kind: "signed", outcome: "first" });
  }
});

test("reports are numbered without a gap, whatever is sent in between", () => {
  const cut = { ...honest, psbt: honest.psbt.subarray(0, 100) };
  const numbers = Array.from({ length: 20 }, (_, nth) => {
    const sent = nth % 3 === 0 ? Buffer.from("nothing") : sealTask({ ...cut, taskId: `task-${nth}` });
    const verdict = party.judgeTask(sent);
    return verdict.kind === "reported" ? [verdict.report.number] : [];
  }).flat();
  expect(numbers).toEqual(numbers.map((_, at) => BigInt(at + 1)));
  expect(numbers.length).toBeGreaterThan(10);
});
