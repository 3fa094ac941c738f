// What the semi-offline zone remembers of payments. The tables are made by the migrations of semi-offline-risk.
export * from "./memory.ts";
export * from "./payments.ts";
