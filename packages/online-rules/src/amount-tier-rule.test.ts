// What people have to approve for its amount alone.
import { expect, it } from "vitest";
import { amountTier } from "./amount-tier-rule.ts";

const tier = (aboveMinor: bigint, approvals: number, always = true) => ({ aboveMinor, approvals, always });
const approvalTiers = [tier(100n, 1), tier(1_000n, 3), tier(10_000n, 2), tier(10n, 5, false)];

it("a tier that does not hold by itself asks nothing", () => {
  expect(amountTier({ approvalTiers: [tier(1n, 2, false)] }, { amountMinor: 2n })).toBeNull();
  expect(amountTier({ approvalTiers: [] }, { amountMinor: 2n })).toBeNull();
});

it.each([
  [100n, 0],
  [101n, 1],
  [1_000n, 1],
  [1_001n, 3],
  [10_001n, 3],
])("%d needs %d", (amountMinor, approvals) => {
  const found = amountTier({ approvalTiers }, { amountMinor });
  expect(found?.verdict).toEqual(approvals === 0 ? { kind: "clear" } : { kind: "hold", approvals });
  expect(found?.reason).toMatch(/^\S.*\.$/);
});
