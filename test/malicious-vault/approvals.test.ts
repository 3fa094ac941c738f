// Online-risk in enemy hands, where amounts need approvals: none of what it makes of them is signed, and this suite can fail.
import { readApprovals } from "@sluice/contracts";
import { makePolicy } from "@sluice/second-opinion/fixtures";
import { afterAll, describe, expect, test } from "vitest";
import { APPROVAL_ATTACKS, APPROVED, APPROVING } from "./approval-attacks.ts";
import type { Attack } from "./attack.ts";
import { signHonestly } from "./control.ts";
import { makeParty, type Parts } from "./party.ts";
import { expectRefused } from "./refused.ts";

/** Has never signed anything, and never will. */
const virgin = makeParty(APPROVING);
const refused = { byZone: 0, byHolders: 0 };

afterAll(() => {
  virgin.close();
  process.stdout.write(
    `malicious vault: ${APPROVAL_ATTACKS.length} attacks on approvals, ${refused.byZone} refused by semi-offline-risk, ` +
      `${refused.byHolders} by 3 holders\n`,
  );
});

test("the control: what enough people approved is signed, and signed again", () => {
  const party = makeParty(APPROVING);
  expect(signHonestly(party, APPROVED)).toEqual(["first", "first", "first"]);
  expect(signHonestly(party, APPROVED)).toEqual(["again", "again", "again"]);
  party.close();
});

describe("whatever is made of approvals is refused with its own status:", () => {
  test.each(APPROVAL_ATTACKS.map((attack) => [attack.name, attack] as const))("%s", (_, attack) => {
    const { byZone, byHolders } = attack.past === undefined ? expectRefused(virgin, attack) : afterControl(attack);
    refused.byZone += byZone;
    refused.byHolders += byHolders;
  });

  test("so many were really made, and refused by each", () => {
    expect(refused).toEqual({ byZone: APPROVAL_ATTACKS.length, byHolders: 3 * APPROVAL_ATTACKS.length });
  });
});

const NOBODY_ASKED: readonly (readonly [string, Parts])[] = [
  ["semi-offline-risk without tiers", { ...APPROVING, limits: makePolicy() }],
  ["holders without a list", { limits: APPROVING.limits ?? makePolicy() }],
  [
    "semi-offline-risk that asks for one person",
    { ...APPROVING, limits: { ...(APPROVING.limits ?? makePolicy()), approvals: forOne() } },
  ],
];

test.each(NOBODY_ASKED)("%s fails some rows, and the control is signed all the same", (_, parts) => {
  const honest = makeParty(parts);
  expect(signHonestly(honest, APPROVED)).toEqual(["first", "first", "first"]);
  honest.close();
  const fresh = APPROVAL_ATTACKS.filter(({ past }) => past === undefined);
  const failed = fresh.filter((attack) => {
    const party = makeParty(parts);
    try {
      expectRefused(party, attack);
      return false;
    } catch {
      return true;
    } finally {
      party.close();
    }
  });
  expect(failed.length).toBeGreaterThan(10);
});

function forOne() {
  const { tiers = [], approvers = new Map() } =
    APPROVING.limits?.approvals ?? readApprovals({ approvalTiers: [], approvers: [] });
  return { tiers: tiers.map((tier) => ({ ...tier, approvals: 1 })), approvers };
}

function afterControl(attack: Attack) {
  const party = makeParty(APPROVING);
  try {
    for (const draft of attack.past ?? []) signHonestly(party, draft);
    return expectRefused(party, attack);
  } finally {
    party.close();
  }
}
