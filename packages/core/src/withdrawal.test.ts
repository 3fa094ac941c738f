// The withdrawal, given / when / then: what the table of transitions does not say by itself.
import { describe, expect, test } from "vitest";
import { broadcast, finding, given, judge, planned, proof, received, record, signing, untilMs } from "../test/given.ts";
import { decide, evolve } from "./withdrawal.ts";
import type { WithdrawalCommand, WithdrawalFact } from "./withdrawal-events.ts";

describe("judging", () => {
  test("without any finding holds for a person", () => {
    const decided = decide(judge(2), given(received));
    expect(decided).toMatchObject({ ok: true, value: [{ type: "held", approvals: 1, findings: [] }] });
  });

  test("keeps the findings in what it decides", () => {
    const findings = [finding({ kind: "clear" })];
    const decided = decide({ type: "judge", nowMs: 2, findings }, given(received));
    expect(decided).toEqual({ ok: true, value: [{ type: "cleared", atMs: 2, findings }] });
  });

  test("a second time comes only after the delay", () => {
    const delayed = given(received, judge(2, { kind: "delay", untilMs }));
    const early = decide(judge(untilMs - 1, { kind: "clear" }), delayed);
    expect(early).toMatchObject({ ok: false, refusal: { code: "DELAY_NOT_OVER", state: "delayed" } });
    expect(decide(judge(untilMs, { kind: "clear" }), delayed)).toMatchObject({
      ok: true,
      value: [{ type: "cleared" }],
    });
  });
});

describe("a hold", () => {
  const hold2 = [received, judge(2, { kind: "hold", approvals: 2 })];
  const approve = (by: string, nowMs = 3): WithdrawalCommand => ({ type: "approve", nowMs, by });

  test("waits for as many people as it demands", () => {
    expect(given(...hold2, approve("ann"))).toMatchObject({ state: "held", approvedBy: ["ann"] });
    expect(given(...hold2, approve("bob"), approve("ann"))).toMatchObject({
      state: "cleared",
      approvedBy: ["ann", "bob"],
    });
  });

  test("counts one person once", () => {
    const once = given(...hold2, approve("ann"));
    expect(decide(approve("ann"), once)).toEqual({ ok: true, value: [] });
  });

  test("takes a repeated last approval as nothing new", () => {
    const all = given(...hold2, approve("ann"), approve("bob"));
    expect(decide(approve("bob"), all)).toEqual({ ok: true, value: [] });
  });

  const heldAndDelayed = [received, judge(2, { kind: "delay", untilMs }, { kind: "hold", approvals: 1 })];

  test("does not swallow a delay that it outranked", () => {
    expect(given(...heldAndDelayed, approve("ann", 3))).toMatchObject({ state: "delayed", notBeforeMs: untilMs });
    expect(given(...heldAndDelayed, approve("ann", untilMs))).toMatchObject({ state: "cleared" });
  });

  test("that was approved is not demanded again when the delay is over", () => {
    const again = judge(untilMs, { kind: "hold", approvals: 1 });
    expect(given(...heldAndDelayed, approve("ann", 3), again)).toMatchObject({ state: "cleared" });
    const more = judge(untilMs, { kind: "hold", approvals: 2 });
    expect(given(...heldAndDelayed, approve("ann", 3), more)).toMatchObject({ state: "held", approvalsRequired: 2 });
  });

  test("that was approved says nothing for a judgement in which no rule was asked", () => {
    const unasked = judge(untilMs);
    expect(given(...heldAndDelayed, approve("ann", 3), unasked)).toMatchObject({ state: "held", approvalsRequired: 2 });
  });
});

test("a delay is not released before its time", () => {
  const delayed = given(received, judge(2, { kind: "delay", untilMs }));
  const early = decide({ type: "release-delay", nowMs: untilMs - 1 }, delayed);
  expect(early).toMatchObject({ ok: false, refusal: { code: "DELAY_NOT_OVER" } });
  expect(decide({ type: "release-delay", nowMs: untilMs }, delayed)).toMatchObject({
    ok: true,
    value: [{ type: "cleared" }],
  });
});

test("a refusal to cancel names the state in words", () => {
  const decided = decide({ type: "cancel", nowMs: 9, by: "backend" }, given(...signing));
  expect(decided.ok ? "" : decided.refusal.detail).toContain("signing");
});

test.each([
  { confirmations: 5, requiredConfirmations: 6 },
  { confirmations: 0, requiredConfirmations: 0 },
  { confirmations: Number.NaN, requiredConfirmations: 6 },
])("no withdrawal fails on the proof %j", (depth) => {
  const decided = decide({ type: "fail", nowMs: 9, by: "ops", proof: { ...proof, ...depth } }, given(...broadcast));
  expect(decided).toMatchObject({ ok: false, refusal: { code: "PROOF_TOO_SHALLOW" } });
});

describe("attempts", () => {
  const second = [...planned, record({ type: "replanned", atMs: 5, attempt: 2 })];

  test.each<WithdrawalFact>([
    { type: "planned", atMs: 9, attempt: 1 },
    { type: "signing", atMs: 9, attempt: 1 },
    { type: "signing_delayed", atMs: 9, attempt: 1, untilMs },
    { type: "replanned", atMs: 9, attempt: 2 },
  ])("an older or repeated $type changes nothing", (fact) => {
    expect(decide(record(fact), given(...second))).toEqual({ ok: true, value: [] });
  });

  test("a newer one begins anew, also when its start was not heard of", () => {
    const third = record({ type: "planned", atMs: 9, attempt: 3 });
    expect(given(...signing, third)).toMatchObject({ state: "planned", attempt: 3 });
  });

  test("a refusal is of the withdrawal, whatever the attempt", () => {
    expect(given(...second, record({ type: "refused", atMs: 9, attempt: 1 }))).toMatchObject({ state: "refused" });
  });
});

describe("the chain", () => {
  const fact = (type: "included" | "reorged" | "completed", revision: number) => record({ type, atMs: 9, revision });

  test("a reorganisation puts back to broadcast, and a late older inclusion does not undo that", () => {
    expect(given(...broadcast, fact("included", 3), fact("reorged", 4), fact("included", 3))).toMatchObject({
      state: "broadcast",
    });
  });

  test("a late older reorganisation does not undo a newer inclusion", () => {
    expect(given(...broadcast, fact("included", 5), fact("reorged", 4))).toMatchObject({
      state: "confirming",
      chainRevision: 5,
    });
  });

  test("a reorganisation takes back a completion, and it completes on the new chain", () => {
    const back = [...broadcast, fact("included", 7), fact("completed", 8), fact("reorged", 9)];
    expect(given(...back)).toMatchObject({ state: "broadcast", chainRevision: 9 });
    expect(given(...back, fact("included", 10))).toMatchObject({ state: "confirming" });
    expect(given(...back, fact("included", 10), fact("completed", 11))).toMatchObject({ state: "completed" });
  });

  test("of a completion and the reorganisation that undid it the newer counts, whichever is heard of first", () => {
    const undone = { state: "broadcast", chainRevision: 9 };
    expect(given(...broadcast, fact("completed", 8), fact("reorged", 9))).toMatchObject(undone);
    expect(given(...broadcast, fact("reorged", 9), fact("completed", 8))).toMatchObject(undone);
    expect(given(...broadcast, fact("included", 10), fact("reorged", 9), fact("completed", 8))).toMatchObject({
      state: "confirming",
    });
  });
});

test("nothing happens to a withdrawal that was never received", () => {
  expect(() => evolve(null, { type: "broadcast", atMs: 1 })).toThrow("never received");
});
