// What the tests of signing are made of: everything here is honest; a test changes what it wants to see refused.
export * from "./approvals.ts";
export * from "./clearances.ts";
export * from "./failures.ts";
export * from "./held-wallet.ts";
export * from "./limits.ts";
export * from "./payouts.ts";
export * from "./seals.ts";
export * from "./wallet.ts";
