// What vault carries over the bridge beside tasks: it can lose it, and nothing else.
export { carryBundles } from "./bundles.ts";
export { carrySuspensions } from "./suspensions.ts";
