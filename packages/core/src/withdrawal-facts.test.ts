// Facts arrive late, twice and in any order: the end is the same. Final states stay, and contradictions are alarms.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WithdrawalId } from "./ids.ts";
import type { Finding, RiskVerdict } from "./policy.ts";
import { decide, evolve } from "./withdrawal.ts";
import type { Withdrawal, WithdrawalCommand, WithdrawalFact } from "./withdrawal-events.ts";
import { isFinal, type WithdrawalState } from "./withdrawal-transitions.ts";

const finding = (verdict: RiskVerdict): Finding => ({ rule: "RULE", verdict, reason: "why", evidence: {} });

const CLEARED: Withdrawal = {
  id: "w-1" as WithdrawalId,
  state: "cleared",
  notBeforeMs: null,
  approvalsRequired: 0,
  approvedBy: [],
  attempt: 0,
  chainRevision: 0,
};

type Run = { readonly withdrawal: Withdrawal; readonly refusals: readonly string[] };

function apply({ withdrawal, refusals }: Run, command: WithdrawalCommand): Run {
  const decided = decide(command, withdrawal);
  if (!decided.ok) return { withdrawal, refusals: [...refusals, decided.refusal.code] };
  return { withdrawal: decided.value.reduce<Withdrawal>(evolve, withdrawal), refusals };
}

function recordAll(facts: readonly WithdrawalFact[], start: Withdrawal = CLEARED): Run {
  const run: Run = { withdrawal: start, refusals: [] };
  return facts.map((fact): WithdrawalCommand => ({ type: "record", fact })).reduce(apply, run);
}

/** One honest history, in the order in which it happened, cut off anywhere. */
const histories: fc.Arbitrary<readonly WithdrawalFact[]> = fc
  .record({
    attempts: fc.array(fc.record({ signing: fc.boolean(), delayed: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    end: fc.constantFrom("refused" as const, "signed" as const, "signed" as const, "signed" as const),
    replacements: fc.array(fc.record({ delayed: fc.boolean(), refused: fc.boolean() }), { maxLength: 2 }),
    // A stay in a chain each: reorganised away before the next, also after it had completed.
    chain: fc.array(
      fc.record({
        inclusions: fc.integer({ min: 1, max: 3 }),
        gap: fc.integer({ min: 1, max: 9 }),
        completes: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    cut: fc.constantFrom(...Array.from({ length: 29 }, (_, length) => length)),
  })
  .map(({ attempts, end, replacements, chain, cut }) => {
    const facts: WithdrawalFact[] = [];
    attempts.forEach(({ signing, delayed }, index) => {
      const attempt = index + 1;
      if (attempt > 1) facts.push({ type: "replanned", atMs: 0, attempt });
      facts.push({ type: "planned", atMs: 0, attempt });
      if (signing) facts.push({ type: "signing", atMs: 0, attempt });
      if (delayed) facts.push({ type: "signing_delayed", atMs: 0, attempt, untilMs: 1 });
    });
    if (end === "refused") return [...facts, { type: "refused", atMs: 0, attempt: attempts.length } as const];
    facts.push({ type: "signed", atMs: 0, attempt: attempts.length }, { type: "broadcast", atMs: 0 });
    // Further versions of what is signed: planned, sent, put off, and refused or signed; the last word on each may be no.
    replacements.forEach(({ delayed, refused }, index) => {
      const attempt = attempts.length + index + 1;
      facts.push({ type: "planned", atMs: 0, attempt }, { type: "signing", atMs: 0, attempt });
      if (delayed) facts.push({ type: "signing_delayed", atMs: 0, attempt, untilMs: 1 });
      facts.push({ type: refused ? "replacement_refused" : "signed", atMs: 0, attempt });
    });
    let revision = 0;
    chain.forEach(({ inclusions, gap, completes }, index) => {
      if (index > 0) facts.push({ type: "reorged", atMs: 0, revision: ++revision });
      for (let n = 0; n < inclusions; n += 1) {
        revision += gap;
        facts.push({ type: "included", atMs: 0, revision });
      }
      if (completes) facts.push({ type: "completed", atMs: 0, revision: ++revision });
    });
    return facts.slice(0, cut);
  });

/** All the facts, some of them more than once, in any order. */
function disordered(facts: readonly WithdrawalFact[]): fc.Arbitrary<readonly WithdrawalFact[]> {
  if (facts.length === 0) return fc.constant([]);
  return fc
    .array(fc.constantFrom(...facts), { maxLength: facts.length })
    .chain((again) => fc.shuffledSubarray([...facts, ...again], { minLength: facts.length + again.length }));
}

test("an honest history ends in the same state in any order, with any repetition, and nothing in it is refused", () => {
  const ends = new Set<WithdrawalState>();
  fc.assert(
    fc.property(
      histories.chain((history) => fc.tuple(fc.constant(history), disordered(history))),
      ([history, arrival]) => {
        const inOrder = recordAll(history);
        const asItCame = recordAll(arrival);
        expect(inOrder.refusals).toEqual([]);
        expect(asItCame.refusals).toEqual([]);
        expect(asItCame.withdrawal.state).toBe(inOrder.withdrawal.state);
        ends.add(inOrder.withdrawal.state);
      },
    ),
    { numRuns: 5_000 },
  );
  const all = [
    "broadcast",
    "cleared",
    "completed",
    "confirming",
    "planned",
    "refused",
    "signed",
    "signing",
    "signing_delayed",
  ];
  expect([...ends].toSorted()).toEqual(all);
});

const attempts = fc.integer({ min: 1, max: 3 });

const chainFact = fc.integer({ min: 1, max: 12 }).map(
  (revision): WithdrawalFact => ({
    type: (["included", "reorged", "completed"] as const)[revision % 3] ?? "included",
    atMs: 0,
    revision,
  }),
);

/** Facts that no honest history need contain. Each revision of the gateway means one thing only. */
const anyFact: fc.Arbitrary<WithdrawalFact> = fc.oneof(
  attempts.map((attempt): WithdrawalFact => ({ type: "planned", atMs: 0, attempt })),
  attempts.map((attempt): WithdrawalFact => ({ type: "signing", atMs: 0, attempt })),
  attempts.map((attempt): WithdrawalFact => ({ type: "signing_delayed", atMs: 0, attempt, untilMs: 1 })),
  attempts.map((attempt): WithdrawalFact => ({ type: "replanned", atMs: 0, attempt })),
  attempts.map((attempt): WithdrawalFact => ({ type: "refused", atMs: 0, attempt })),
  attempts.map((attempt): WithdrawalFact => ({ type: "replacement_refused", atMs: 0, attempt })),
  attempts.map((attempt): WithdrawalFact => ({ type: "signed", atMs: 0, attempt })),
  fc.constant<WithdrawalFact>({ type: "broadcast", atMs: 0 }),
  chainFact,
);

const isSigned = ({ type }: WithdrawalFact) =>
  ["signed", "broadcast", "included", "reorged", "completed"].includes(type);

/** Facts that cannot all be true: refused and yet signed. */
function contradictory(facts: readonly WithdrawalFact[]): boolean {
  return facts.some(({ type }) => type === "refused") && facts.some(isSigned);
}

test("any facts without a contradiction end in the same state in any order; with one, an alarm is raised in any order", () => {
  const seen = { agreeing: 0, contradictory: 0 };
  fc.assert(
    fc.property(
      fc.array(anyFact, { maxLength: 8 }).chain((facts) => fc.tuple(disordered(facts), disordered(facts))),
      ([one, other]) => {
        const [left, right] = [recordAll(one), recordAll(other)];
        if (contradictory(one)) {
          seen.contradictory += 1;
          expect(left.refusals).toContain("FACT_CONTRADICTS");
          expect(right.refusals).toContain("FACT_CONTRADICTS");
        } else {
          seen.agreeing += 1;
          expect(right.withdrawal.state).toBe(left.withdrawal.state);
        }
      },
    ),
    { numRuns: 5_000 },
  );

  expect(seen.agreeing).toBeGreaterThan(1_000);
  expect(seen.contradictory).toBeGreaterThan(1_000);
});

const verdicts: fc.Arbitrary<RiskVerdict> = fc.oneof(
  fc.constant<RiskVerdict>({ kind: "clear" }),
  fc.nat(20).map((untilMs): RiskVerdict => ({ kind: "delay", untilMs })),
  fc.integer({ min: 1, max: 3 }).map((approvals): RiskVerdict => ({ kind: "hold", approvals })),
  fc.constant<RiskVerdict>({ kind: "reject" }),
);
const nowMs = fc.nat(20);
const by = fc.constantFrom("ann", "bob", "cy");

const commands: fc.Arbitrary<WithdrawalCommand> = fc.oneof(
  fc.record({
    type: fc.constant("judge" as const),
    nowMs,
    findings: fc.array(verdicts.map(finding), { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant("approve" as const), nowMs, by }),
  fc.record({ type: fc.constant("release-delay" as const), nowMs }),
  fc.record({ type: fc.constantFrom("deny" as const, "cancel" as const), nowMs, by }),
  fc.record({
    type: fc.constant("fail" as const),
    nowMs,
    by,
    proof: fc.record({
      spentOutpoint: fc.constant("aa:0"),
      conflictingTxid: fc.constant("bb"),
      confirmations: fc.nat(3),
      requiredConfirmations: fc.constant(2),
    }),
  }),
  anyFact.map((fact): WithdrawalCommand => ({ type: "record", fact })),
  chainFact.map((fact): WithdrawalCommand => ({ type: "record", fact })),
);

const RECEIVED: Withdrawal = { ...CLEARED, state: "received" };

describe("whatever is asked and reported, in any order", () => {
  test("a final state stays as it is; a completion alone is taken back, and by a newer observation of the chain only", () => {
    const finals = new Set<WithdrawalState>();
    let takenBack = 0;
    fc.assert(
      fc.property(fc.constantFrom(RECEIVED, CLEARED), fc.array(commands, { maxLength: 30 }), (start, sequence) => {
        let run: Run = { withdrawal: start, refusals: [] };
        for (const command of sequence) {
          const before = run.withdrawal;
          run = apply(run, command);
          if (!isFinal(before.state)) continue;
          finals.add(before.state);
          if (run.withdrawal.chainRevision > before.chainRevision) {
            takenBack += 1;
            expect(before.state).toBe("completed");
            const fact = command.type === "record" ? command.fact : null;
            expect(fact !== null && "revision" in fact && fact.revision).toBe(run.withdrawal.chainRevision);
          } else expect(run.withdrawal).toEqual(before);
        }
      }),
      { numRuns: 3_000 },
    );

    expect(takenBack).toBeGreaterThan(10);
    expect([...finals].toSorted()).toEqual(["cancelled", "completed", "failed", "refused", "rejected"]);
  });

  test("it is cleared only by enough people and not before its time, and what is cleared is never cancelled", () => {
    let clearances = 0;
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 20 }), (sequence) => {
        let run: Run = { withdrawal: RECEIVED, refusals: [] };
        for (const command of sequence) {
          const before = run.withdrawal;
          run = apply(run, command);
          const after = run.withdrawal;
          if (after.state === before.state) continue;
          if (after.state === "cancelled") expect(["received", "held", "delayed"]).toContain(before.state);
          if (after.state !== "cleared" || !["received", "held", "delayed"].includes(before.state)) continue;
          clearances += 1;
          if (command.type === "record") expect.unreachable("a fact cleared it");
          else if (before.notBeforeMs !== null) expect(command.nowMs).toBeGreaterThanOrEqual(before.notBeforeMs);
          if (before.state === "held") expect(after.approvedBy.length).toBeGreaterThanOrEqual(before.approvalsRequired);
          if (command.type === "judge") expect(command.findings.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 3_000 },
    );

    expect(clearances).toBeGreaterThan(100);
  });

  test("nothing that happens after the clearance leads back before it", () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 30 }), (sequence) => {
        const run = sequence.reduce(apply, { withdrawal: CLEARED, refusals: [] });
        expect(["received", "held", "delayed", "rejected", "cancelled"]).not.toContain(run.withdrawal.state);
      }),
      { numRuns: 1_000 },
    );
  });
});
