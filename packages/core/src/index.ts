// The pure domain. Nothing here knows of a database, a network, a clock or chance: time and chance are passed in.
export * from "./amount.ts";
export * from "./backoff.ts";
export * from "./conflict-proof.ts";
export * from "./fee-estimate.ts";
export * from "./ids.ts";
export * from "./ledger.ts";
export * from "./policy.ts";
export * from "./refusals.ts";
export * from "./result.ts";
export * from "./services.ts";
export * from "./velocity.ts";
export * from "./withdrawal.ts";
export * from "./withdrawal-events.ts";
export * from "./withdrawal-transitions.ts";
