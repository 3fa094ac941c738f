// How a decision about a withdrawal takes effect. Whoever calls has the transaction, and the withdrawal locked.
export * from "./fail.ts";
export * from "./progress.ts";
