// What online-risk remembers of withdrawals. The tables are made by its migrations; whoever calls has the transaction.
export * from "./approvals.ts";
export * from "./conflicts.ts";
export * from "./destinations.ts";
export * from "./fees.ts";
export * from "./findings.ts";
export * from "./requests.ts";
export * from "./to-judge.ts";
export * from "./withdrawals.ts";
