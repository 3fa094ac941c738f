// What vault decides when it plans. Nothing here knows of a database, a network, a clock or chance.
export * from "./chain-end.ts";
export * from "./choose-batch.ts";
export * from "./choose-payout.ts";
export * from "./decide-bump.ts";
export * from "./decide-internal-transfer.ts";
export * from "./decide-refill.ts";
export * from "./decide-report.ts";
export * from "./fee-rates.ts";
export * from "./mempool-limits.ts";
export * from "./plan-payments.ts";
export * from "./settings.ts";
