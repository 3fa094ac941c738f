// The policy file: what it takes, and every way in which a person can get it wrong.
import { describe, expect, test } from "vitest";
import { DESTINATION, POLICY_FILE } from "./fixtures.ts";
import { policyFileSchema, readPolicy } from "./policy.ts";

const label = { address: DESTINATION, tier: "black", category: "theft", reason: "a known thief" };

describe("the policy file", () => {
  test("is read into exact numbers and labels by script", () => {
    const file = policyFileSchema.parse({ ...POLICY_FILE, maxFeeRateSatPerVbyte: 12.345, labels: [label] });
    const { policy, faults } = readPolicy(file, "regtest");
    expect(faults).toEqual([]);
    expect(policy).toMatchObject({ maxPaymentSat: 500_000n, maxFeeRateSatPerKvbyte: 12_345n });
    expect([...policy.labels.keys()]).toEqual(["0014751e76e8199196d454941c45d1b3a323f1433bd6"]);
  });

  test.each<[string, object]>([
    ["a limit that is no amount", { maxPaymentSat: 500_000 }],
    ["an amount with a leading zero", { maxFeeSat: "007" }],
    ["a fee rate finer than a thousandth", { maxFeeRateSatPerVbyte: 1.00001 }],
    ["a negative fee rate", { minFeeRateSatPerVbyte: -1 }],
    ["a window that bounds nothing", { accountWindows: [{ windowMs: 60_000 }] }],
    ["a label of no tier", { labels: [{ ...label, tier: "red" }] }],
    ["a field that nobody knows", { maxPayments: 1 }],
    ["a field that is missing", { walletWindows: undefined }],
  ])("is refused with %s", (_, changes) => {
    expect(policyFileSchema.safeParse({ ...POLICY_FILE, ...changes }).success).toBe(false);
  });

  test("is refused with a label of another network, or two of one script", () => {
    const labels = [label, { ...label, address: DESTINATION.toUpperCase() }, { ...label, address: "no address" }];
    const { faults } = readPolicy(policyFileSchema.parse({ ...POLICY_FILE, labels }), "regtest");
    expect(faults).toEqual([
      { name: "SLUICE_POLICY_FILE labels.1.address", rule: "is labelled twice" },
      { name: "SLUICE_POLICY_FILE labels.2.address", rule: "ADDRESS_MALFORMED" },
    ]);
    expect(readPolicy(policyFileSchema.parse({ ...POLICY_FILE, labels: [label] }), "mainnet").faults).toHaveLength(1);
  });
});
