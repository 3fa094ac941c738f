// The rule of allow-lists, one row a case; and that nothing unlisted is ever cleared by it.
import fc from "fast-check";
import { expect, it } from "vitest";
import { type AllowListFacts, allowListSchema, judgeAllowList } from "./allow-list-rule.ts";

const NOW = 1_800_000_000_000;
const policy = (otherwise: "reject" | { readonly approvals: number }) => allowListSchema.parse({ otherwise });

it.each<[string, AllowListFacts | null, unknown]>([
  ["no list in force", null, undefined],
  ["listed and active", { activeFromMs: NOW }, { kind: "clear" }],
  ["listed, and not active yet", { activeFromMs: NOW + 1 }, { kind: "delay", untilMs: NOW + 1 }],
  ["not listed", { activeFromMs: null }, { kind: "reject" }],
])("%s", (_, facts, verdict) => expect(judgeAllowList(policy("reject"), facts, NOW)?.verdict).toEqual(verdict));

it("what is not listed is held where the policy says so", () => {
  const held = judgeAllowList(policy({ approvals: 2 }), { activeFromMs: null }, NOW);
  expect(held?.verdict).toEqual({ kind: "hold", approvals: 2 });
});

it("clears only what is listed and active", () => {
  const facts = fc.record({ activeFromMs: fc.option(fc.integer({ min: NOW - 5, max: NOW + 5 }), { nil: null }) });
  fc.assert(
    fc.property(facts, (one) => {
      const isActive = one.activeFromMs !== null && one.activeFromMs <= NOW;
      expect(judgeAllowList(policy("reject"), one, NOW)?.verdict.kind === "clear").toBe(isActive);
    }),
  );
});
