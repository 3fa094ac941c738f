// What vault decides when it plans. Nothing here knows of a database, a network, a clock or chance.
export * from "./choose-payout.ts";
export * from "./decide-bump.ts";
export * from "./decide-report.ts";
