// Whom to ask: rows for each situation, then properties over every one that there can be.
import { HOLDERS, type Holder } from "@sluice/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type HolderOrder, type OrderPlan, planOrders } from "./plan-orders.ts";

const [A, B, C] = HOLDERS;
const NOW_MS = 100_000;
const DEADLINE_MS = 10_000;

function order(holder: Holder, answer: HolderOrder["answer"], ageMs = 0): HolderOrder {
  const envelope = answer === null ? null : Buffer.of(1);
  return { holder, sentAtMs: NOW_MS - ageMs, answer, envelope, refusalCode: null, refusalReason: null };
}

const plan = (known: readonly HolderOrder[], live: readonly Holder[]) => planOrders(known, live, NOW_MS, DEADLINE_MS);

describe("planOrders", () => {
  test.each<[string, readonly HolderOrder[], readonly Holder[], OrderPlan]>([
    ["asks any two of three", [], [A, B, C], { kind: "order", holders: [A, B] }],
    ["asks the two that are there", [], [A, C], { kind: "order", holders: [A, C] }],
    ["asks nobody when one alone is there", [], [B], { kind: "short", live: [B] }],
    ["asks nobody when nobody is there", [], [], { kind: "short", live: [] }],
    ["waits for two that were asked", [order(A, null), order(B, null)], [A, B, C], { kind: "wait" }],
    ["waits for the second", [order(A, "signatures"), order(B, null)], [A, B, C], { kind: "wait" }],
    [
      "asks the third when one is silent for too long",
      [order(A, "signatures"), order(B, null, DEADLINE_MS)],
      [A, B, C],
      { kind: "order", holders: [C] },
    ],
    [
      "asks the third when one went away",
      [order(A, "signatures"), order(B, null)],
      [A, C],
      { kind: "order", holders: [C] },
    ],
    [
      "asks the third when one refuses",
      [order(A, "refusal"), order(B, null)],
      [A, B, C],
      { kind: "order", holders: [C] },
    ],
    [
      "asks the third when one hands over what does not verify",
      [order(A, "invalid"), order(B, "signatures")],
      [B, C],
      { kind: "order", holders: [C] },
    ],
    [
      "asks again whom it asked, when nobody else is there",
      [order(A, null, DEADLINE_MS), order(B, "signatures")],
      [A],
      {
        kind: "order",
        holders: [A],
      },
    ],
    [
      "waits for holders when the second one went away",
      [order(A, "signatures"), order(B, null)],
      [A],
      { kind: "short", live: [A] },
    ],
    [
      "combines two, whoever they are",
      [order(A, "signatures"), order(B, null), order(C, "signatures")],
      [],
      { kind: "combine" },
    ],
    [
      "gives up when two refuse, and nobody can have signed",
      [order(A, "refusal"), order(B, "refusal")],
      [A, B, C],
      { kind: "impossible", signatureMayExist: false },
    ],
    [
      "gives up when two refuse, though the third has signed",
      [order(A, "refusal"), order(B, "refusal"), order(C, "signatures")],
      [A, B, C],
      { kind: "impossible", signatureMayExist: true },
    ],
    [
      "gives up when two refuse, though the third has not answered",
      [order(A, "refusal"), order(B, "refusal"), order(C, null)],
      [A, B, C],
      { kind: "impossible", signatureMayExist: true },
    ],
    [
      "knows that bad signatures may have good companions",
      [order(A, "invalid"), order(B, "refusal")],
      [A, B, C],
      { kind: "impossible", signatureMayExist: true },
    ],
  ])("%s", (_, known, live, expected) => {
    expect(plan(known, live)).toEqual(expected);
  });

  const orderedBefore = [order(A, "signatures"), order(B, null, 2_000)];

  test("asks again at once who has come back since it was asked, when nobody else is there", () => {
    const since = (holder: Holder) => (holder === B ? NOW_MS - 1_000 : 0);
    expect(planOrders(orderedBefore, [A, B], NOW_MS, DEADLINE_MS, since)).toEqual({ kind: "order", holders: [B] });
    const askedAgain = [order(A, "signatures"), order(B, null, 500)];
    expect(planOrders(askedAgain, [A, B], NOW_MS, DEADLINE_MS, since)).toEqual({ kind: "wait" });
  });

  test("asks everybody again after its own restart, since nobody may have heard of it", () => {
    const since = () => NOW_MS - 1_000;
    const known = [order(A, null, 2_000), order(B, null, 2_000)];
    expect(planOrders(known, [A, B], NOW_MS, DEADLINE_MS, since)).toEqual({ kind: "order", holders: [A, B] });
  });

  test("does not wait for a time that has not come yet: the clock was set back", () => {
    const known = [order(A, "signatures"), order(B, null, -3_600_000)];
    expect(plan(known, [A, B])).toEqual({ kind: "order", holders: [B] });
  });
});

const anAnswer = fc.constantFrom<HolderOrder["answer"] | "none">("none", null, "signatures", "invalid", "refusal");
const aSituation = fc
  .tuple(
    fc.tuple(anAnswer, anAnswer, anAnswer),
    fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    fc.array(fc.nat(2 * DEADLINE_MS), { minLength: 3, maxLength: 3 }),
  )
  .map(([answers, there, ages]) => ({
    known: HOLDERS.flatMap((holder, at) => {
      const answer = answers[at];
      return answer === "none" || answer === undefined ? [] : [order(holder, answer, ages[at])];
    }),
    live: HOLDERS.filter((_, at) => there[at]),
  }));

describe("in every situation", () => {
  const kinds = new Map<string, number>();

  test("it asks only live ones that have not answered, and so many that two can come together", () => {
    fc.assert(
      fc.property(aSituation, ({ known, live }) => {
        const next = plan(known, live);
        kinds.set(next.kind, (kinds.get(next.kind) ?? 0) + 1);
        if (next.kind !== "order") return;
        const answered = known.filter(({ answer }) => answer !== null).map(({ holder }) => holder);
        for (const holder of next.holders) {
          expect(live).toContain(holder);
          expect(answered).not.toContain(holder);
        }
        expect(new Set(next.holders).size).toBe(next.holders.length);
        const signed = known.filter(({ answer }) => answer === "signatures").length;
        const waiting = known.filter(
          ({ holder, answer, sentAtMs }) =>
            answer === null && live.includes(holder as Holder) && NOW_MS - sentAtMs < DEADLINE_MS,
        );
        const fresh = waiting.filter(({ holder }) => !next.holders.includes(holder as Holder));
        expect(signed + fresh.length + next.holders.length).toBe(2);
      }),
      { numRuns: 3_000 },
    );
    expect([...kinds.keys()].toSorted()).toEqual(["combine", "impossible", "order", "short", "wait"]);
  });

  test("it ends only when two signed, or when fewer than two could; and says no signature exists only if all refused", () => {
    fc.assert(
      fc.property(aSituation, ({ known, live }) => {
        const next = plan(known, live);
        const count = (...kinds: readonly HolderOrder["answer"][]) =>
          known.filter(({ answer }) => kinds.includes(answer)).length;
        expect(next.kind === "combine").toBe(count("signatures") >= 2);
        if (next.kind !== "impossible") return;
        expect(count("refusal", "invalid")).toBeGreaterThanOrEqual(2);
        expect(next.signatureMayExist).toBe(count("refusal") !== known.length);
      }),
      { numRuns: 3_000 },
    );
  });
});
