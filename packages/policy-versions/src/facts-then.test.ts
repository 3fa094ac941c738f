// What a judgement noted of labels is enough to make it again: by the policy that made it, and by another one as far as one label goes.
import type { Label, Screened } from "@sluice/address-labels";
import { judgeLabels, screeningSchema } from "@sluice/online-rules";
import fc from "fast-check";
import { expect, it } from "vitest";
import { screenedThen } from "./facts-then.ts";

const NOW = 1_800_000_000_000;
const label: fc.Arbitrary<Label> = fc.record({
  tier: fc.constantFrom("white", "grey", "black"),
  category: fc.constantFrom("theft", "exchange"),
  source: fc.constantFrom("ofac", "own"),
  confidence: fc.integer({ min: 0, max: 100 }),
  sinceMs: fc.integer({ min: 0, max: NOW }),
});
const labels = (maxLength: number): fc.Arbitrary<Screened> =>
  fc.array(label, { maxLength }).map((some) => ({ kind: "labels", labels: some, version: 7, madeAtMs: NOW - 1 }));
const unknowns: fc.Arbitrary<Screened> = fc.constantFrom(
  { kind: "off" },
  { kind: "pending", untilMs: NOW + 500 },
  { kind: "unknown", code: "LABELS_TOO_OLD", detail: "the labels in force were made long ago" },
);
const policy = fc
  .record({ blackFromConfidence: fc.integer({ min: 0, max: 100 }) })
  .chain((some) =>
    fc.constantFrom({ approvals: 2 }, { delayMs: 5 }).map((unknown) => screeningSchema.parse({ ...some, unknown })),
  );

const judged = (by: ReturnType<typeof screeningSchema.parse>, screened: Screened) =>
  judgeLabels(by, undefined, screened, NOW);

/** As the judgement with these labels is stored, and read again. */
function again(by: ReturnType<typeof screeningSchema.parse>, screened: Screened): Screened | null {
  const { verdict, reason, evidence } = judged(by, screened);
  return screenedThen({ rule: "DESTINATION_LABEL", verdict: verdict.kind, reason, evidence }, NOW);
}

it("makes every judgement again by its own policy, and with one label by any other", () => {
  fc.assert(
    fc.property(
      policy,
      policy,
      fc.oneof(labels(4), unknowns),
      fc.oneof(labels(1), unknowns),
      (own, other, some, one) => {
        const kinds = (by: typeof own, screened: Screened | null) => {
          if (screened === null) throw new Error("it was noted and is not known");
          return judged(by, screened).verdict.kind;
        };
        expect(kinds(own, again(own, some))).toBe(kinds(own, some));
        expect(kinds(other, again(own, one))).toBe(kinds(other, one));
      },
    ),
    { numRuns: 500 },
  );
});

it("does not know what the store held where the policy's own label stood before it", () => {
  const own = { tier: "white", category: "own", reason: "ours" } as const;
  const found = judgeLabels(screeningSchema.parse({}), own, { kind: "off" }, NOW);
  expect(screenedThen({ ...found, rule: "DESTINATION_LABEL", verdict: found.verdict.kind }, NOW)).toBeNull();
});
