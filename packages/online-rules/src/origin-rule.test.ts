// The rule of origins: one row for each amount about its limits; and a key that the policy does not name is not asked about.
import { describe, expect, it } from "vitest";
import { judgeOrigin, originsSchema } from "./origin-rule.ts";

const FACADE = "okx-facade-1";
const both = { keyId: FACADE, hold: { aboveMinor: 100n, approvals: 2 }, rejectAboveMinor: 500n };

describe("what a key asks for that the policy names", () => {
  it.each<[bigint, object]>([
    [100n, { kind: "clear" }],
    [101n, { kind: "hold", approvals: 2 }],
    [500n, { kind: "hold", approvals: 2 }],
    [501n, { kind: "reject" }],
  ])("%s minor units: %o", (amountMinor, verdict) => {
    const found = judgeOrigin([both], FACADE, amountMinor);
    expect(found).toMatchObject({ verdict, evidence: { requesterKey: FACADE } });
    expect(found?.reason).toContain(FACADE);
  });

  it("is limited by what is given alone", () => {
    expect(judgeOrigin([{ keyId: FACADE, rejectAboveMinor: 500n }], FACADE, 500n)?.verdict).toEqual({ kind: "clear" });
    const hold = { keyId: FACADE, hold: both.hold };
    expect(judgeOrigin([hold], FACADE, 10n ** 15n)?.verdict).toEqual({ kind: "hold", approvals: 2 });
  });
});

it("nobody asks about another key, nor by a policy that names none", () => {
  expect(judgeOrigin([both], "backend-1", 501n)).toBeNull();
  expect(judgeOrigin(originsSchema.parse(undefined), FACADE, 501n)).toBeNull();
});

it.each([
  [{ keyId: FACADE }],
  [{ keyId: FACADE, rejectAboveMinor: 5 }],
  [{ keyId: FACADE, rejectAboveMinor: "5", more: 1 }],
  [{ keyId: FACADE, hold: { aboveMinor: "5", approvals: 0 } }],
])("%o is no limit", (origin) => expect(originsSchema.safeParse([origin]).success).toBe(false));

it("a key has one row", () => {
  expect(originsSchema.safeParse([1, 2].map((most) => ({ keyId: FACADE, rejectAboveMinor: `${most}` }))).success).toBe(
    false,
  );
});
