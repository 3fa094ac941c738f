// What an exchange's backend tells of an account beside its withdrawals, and what follows from it.
export * from "./history.ts";
export * from "./robust.ts";
export * from "./shape.ts";
export * from "./travel.ts";
