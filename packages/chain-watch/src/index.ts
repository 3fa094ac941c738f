// What the gateway concludes from what nodes say of our transactions. Pure: no node and no table is asked in here.
export * from "./conflicts.ts";
export * from "./dependency-order.ts";
export * from "./stuck.ts";
