// What the semi-offline zone remembers. The tables are made by the migrations of semi-offline-risk.
export * from "./memory.ts";
export * from "./orders.ts";
export * from "./payments.ts";
export * from "./reports.ts";
export * from "./suspensions.ts";
export * from "./tasks.ts";
export * from "./waiting.ts";
