// What vault remembers of its wallets, in its own tables. Whoever calls has the transaction, and the wallet's lane where it plans.
export * from "./bumps.ts";
export { coinMismatch } from "./coin-mismatch.ts";
export * from "./coins.ts";
export * from "./fees.ts";
export * from "./lanes.ts";
export * from "./lost-coins.ts";
export * from "./parked-reports.ts";
export * from "./people.ts";
export * from "./refills.ts";
export * from "./sightings.ts";
export { storable } from "./storable.ts";
export * from "./suspensions.ts";
export * from "./task-list.ts";
export { addChange, isBuiltUpon, type NewChange, unconfirmedTransactions } from "./unconfirmed-change.ts";
export * from "./versions.ts";
export * from "./weigh-bump.ts";
export * from "./withdrawals.ts";
