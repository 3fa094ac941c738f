// The policy of a bundle: what it takes, and every way in which a person can get it wrong.
import { describe, expect, test } from "vitest";
import { DESTINATION, makePolicy, POLICY_FILE } from "./fixtures.ts";
import { accountLimitsSchema, labelsSchema, policySchema, readPolicy } from "./policy.ts";

const label = { address: DESTINATION, tier: "black", category: "theft", reason: "a known thief" } as const;
const { labels: _labels, accountLimits: _accountLimits, ...policyPart } = POLICY_FILE;
const policy = policySchema.parse(policyPart);

describe("the policy", () => {
  test("is read into exact numbers, labels by script and windows by account", () => {
    const windows = [{ windowMs: 60_000, maxSat: "5" }];
    const read = makePolicy({
      maxFeeRateSatPerVbyte: 12.345,
      labels: [label],
      accountLimits: [{ account: "bob", windows }],
    });
    expect(read).toMatchObject({ maxPaymentSat: 500_000n, maxFeeRateSatPerKvbyte: 12_345n });
    expect([...read.labels.keys()]).toEqual(["0014751e76e8199196d454941c45d1b3a323f1433bd6"]);
    expect(read.windowsOfAccount.get("bob")).toEqual([{ windowMs: 60_000, maxSat: 5n }]);
  });

  test.each<[string, object]>([
    ["a limit that is no amount", { maxPaymentSat: 500_000 }],
    ["an amount with a leading zero", { maxFeeSat: "007" }],
    ["a fee rate finer than a thousandth", { maxFeeRateSatPerVbyte: 1.00001 }],
    ["a negative fee rate", { minFeeRateSatPerVbyte: -1 }],
    ["a window that bounds nothing", { accountWindows: [{ windowMs: 60_000 }] }],
    ["more history than is kept", { baseline: { ...policyPart.baseline, historyMs: 91 * 86_400_000 } }],
    ["a baseline of almost nothing", { baseline: { ...policyPart.baseline, minimumCount: 4 } }],
    [
      "what refuses below what delays",
      { baseline: { ...policyPart.baseline, wallet: { delayScore: 5, refuseScore: 4 } } },
    ],
    ["what releases below what delays", { large: { delayAboveSat: "5", delayMs: 0, releaseAboveSat: "4" } }],
    ["a field that nobody knows", { maxPayments: 1 }],
    ["a field that is missing", { walletWindows: undefined }],
  ])("is refused with %s", (_, changes) => {
    expect(policySchema.safeParse(policyPart).success).toBe(true);
    expect(policySchema.safeParse({ ...policyPart, ...changes }).success).toBe(false);
  });

  test("is refused with a label of no tier, or an account without limits", () => {
    expect(labelsSchema.safeParse([{ ...label, tier: "red" }]).success).toBe(false);
    expect(accountLimitsSchema.safeParse([{ account: "bob", windows: [] }]).success).toBe(false);
  });

  test("is refused with a label of another network, or two of one script or account", () => {
    const labels = [label, { ...label, address: DESTINATION.toUpperCase() }, { ...label, address: "no address" }];
    const bob = { account: "bob", windows: policy.accountWindows };
    const { faults } = readPolicy({ policy, labels, accountLimits: [bob, bob], originLimits: [] }, "regtest");
    expect(faults).toEqual([
      { name: "labels.1.address", rule: "is labelled twice" },
      { name: "labels.2.address", rule: "ADDRESS_MALFORMED" },
      { name: "accountLimits", rule: "names an account twice" },
    ]);
    expect(readPolicy({ policy, labels: [label], accountLimits: [], originLimits: [] }, "mainnet").faults).toHaveLength(
      1,
    );
  });
});
