// What the gateway remembers beside its transactions, in its own tables. Whoever calls has the transaction, and the chain's lane.
export * from "./coins.ts";
export * from "./conflicts.ts";
export * from "./pending.ts";
