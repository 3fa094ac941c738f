// The fixtures of signing, with the policy of this side. Nothing but tests imports it.
import { POLICY_FILE } from "@sluice/signing-fixtures";
import { type Policy, policyFileSchema, readPolicy } from "./policy.ts";

export { outpointOf } from "@sluice/chains";
export * from "@sluice/signing-fixtures";

export function makePolicy(changes: Partial<Record<keyof typeof POLICY_FILE, unknown>> = {}): Policy {
  const { policy, faults } = readPolicy(policyFileSchema.parse({ ...POLICY_FILE, ...changes }), "regtest");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return policy;
}
