// Policy: the strictest finding wins in any order and grouping, and nothing unknown ever approves.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Finding,
  latestDelayMs,
  permitsSigning,
  type RiskVerdict,
  type SigningVerdict,
  signingVerdict,
  stricter,
  strictest,
} from "./policy.ts";

const verdicts: fc.Arbitrary<RiskVerdict> = fc.oneof(
  fc.constant<RiskVerdict>({ kind: "clear" }),
  fc.nat(5).map((untilMs): RiskVerdict => ({ kind: "delay", untilMs })),
  fc.integer({ min: 1, max: 5 }).map((approvals): RiskVerdict => ({ kind: "hold", approvals })),
  fc.constant<RiskVerdict>({ kind: "reject" }),
);

/** What bytes from elsewhere may hold in the place of a verdict. */
const nonsense = fc.constantFrom<unknown>(
  {},
  { kind: "" },
  { kind: "CLEAR" },
  { kind: "approve" },
  { kind: "delay" },
  { kind: "delay", untilMs: Number.NaN },
  { kind: "delay", untilMs: -1 },
  { kind: "hold", approvals: 0 },
  { kind: "hold", approvals: 0.5 },
  { kind: "hold", approvals: "2" },
) as fc.Arbitrary<RiskVerdict>;

const finding = (verdict: RiskVerdict, rule = "RULE"): Finding => ({ rule, verdict, reason: "why", evidence: {} });

const ORDER = ["clear", "delay", "hold", "reject"];
const rank = (verdict: RiskVerdict) => ORDER.indexOf(verdict.kind);

describe("strictest", () => {
  test.each<[readonly RiskVerdict[], RiskVerdict]>([
    [[{ kind: "clear" }], { kind: "clear" }],
    [[{ kind: "clear" }, { kind: "delay", untilMs: 9 }], { kind: "delay", untilMs: 9 }],
    [
      [
        { kind: "delay", untilMs: 9 },
        { kind: "delay", untilMs: 10 },
      ],
      { kind: "delay", untilMs: 10 },
    ],
    [
      [
        { kind: "hold", approvals: 1 },
        { kind: "delay", untilMs: 9 },
      ],
      { kind: "hold", approvals: 1 },
    ],
    [
      [
        { kind: "hold", approvals: 1 },
        { kind: "hold", approvals: 2 },
      ],
      { kind: "hold", approvals: 2 },
    ],
    [[{ kind: "hold", approvals: 9 }, { kind: "reject" }, { kind: "clear" }], { kind: "reject" }],
  ])("of %j is %j", (given, then) => {
    expect(strictest(given.map((verdict) => finding(verdict)))).toEqual(then);
  });

  test("of no finding at all is a hold, not a clearance", () => {
    expect(strictest([])).toEqual({ kind: "hold", approvals: 1 });
  });

  test("is associative, commutative and idempotent", () => {
    fc.assert(
      fc.property(verdicts, verdicts, verdicts, (a, b, c) => {
        expect(stricter(stricter(a, b), c)).toEqual(stricter(a, stricter(b, c)));
        expect(stricter(a, b)).toEqual(stricter(b, a));
        expect(stricter(a, a)).toEqual(a);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is never less strict than any of the findings", () => {
    fc.assert(
      fc.property(fc.array(verdicts, { minLength: 1 }), (all) => {
        const result = strictest(all.map((verdict) => finding(verdict)));
        for (const verdict of all) {
          expect(rank(result)).toBeGreaterThanOrEqual(rank(verdict));
          if (result.kind === "delay" && verdict.kind === "delay")
            expect(result.untilMs).toBeGreaterThanOrEqual(verdict.untilMs);
          if (result.kind === "hold" && verdict.kind === "hold")
            expect(result.approvals).toBeGreaterThanOrEqual(verdict.approvals);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("rejects when any verdict is none", () => {
    fc.assert(
      fc.property(fc.array(verdicts), nonsense, fc.array(verdicts), (before, none, after) => {
        const all = [...before, none, ...after].map((verdict) => finding(verdict));
        expect(strictest(all)).toEqual({ kind: "reject" });
      }),
    );
  });
});

test("the latest delay is the longest, and null without one", () => {
  const all = [
    finding({ kind: "delay", untilMs: 7 }),
    finding({ kind: "reject" }),
    finding({ kind: "delay", untilMs: 9 }),
  ];
  expect(latestDelayMs(all)).toBe(9);
  expect(latestDelayMs([finding({ kind: "clear" })])).toBeNull();
});

describe("signingVerdict", () => {
  const clear = (rule: string) => finding({ kind: "clear" }, rule);

  test("signs when every demanded rule answered and all are clear", () => {
    expect(signingVerdict([clear("A"), clear("B")], ["A", "B"])).toEqual({ kind: "sign" });
  });

  test("refuses when no rule answered", () => {
    expect(signingVerdict([], [])).toMatchObject({ kind: "refuse", findings: [{ rule: "ANY_RULE" }] });
  });

  test("refuses and names the demanded rule that did not answer", () => {
    expect(signingVerdict([clear("A")], ["A", "B"])).toMatchObject({ kind: "refuse", findings: [{ rule: "B" }] });
  });

  test("delays with the findings that delay", () => {
    const late = finding({ kind: "delay", untilMs: 5 }, "B");
    expect(signingVerdict([clear("A"), late], ["A", "B"])).toEqual({ kind: "delay", untilMs: 5, findings: [late] });
  });

  test.each<RiskVerdict>([{ kind: "hold", approvals: 1 }, { kind: "reject" }])("refuses on %j", (verdict) => {
    const against = finding(verdict, "B");
    expect(signingVerdict([clear("A"), against], ["A", "B"])).toEqual({ kind: "refuse", findings: [against] });
  });

  test("signs only if all is clear, whatever else is among the findings", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(verdicts, nonsense)), (all) => {
        const verdict = signingVerdict(
          all.map((one) => finding(one)),
          ["RULE"],
        );
        expect(permitsSigning(verdict)).toBe(all.length > 0 && all.every(({ kind }) => kind === "clear"));
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([null, undefined, {}, { kind: "" }, { kind: "SIGN" }, { kind: 0 }, "sign", true, 0, []])(
    "%j permits nothing",
    (value) => {
      expect(permitsSigning(value as unknown as SigningVerdict)).toBe(false);
    },
  );
});
