// What the semi-offline zone decides for itself: by which bundle, on a task, on whom to ask, on what a holder answers.
export { log2, scoreAmount, type Unusual } from "./baseline.ts";
export * from "./bundle.ts";
export { type BundleContent, bundleContentSchema, type RegisteredKey } from "./bundle-content.ts";
export * from "./bundle-order.ts";
export * from "./bundle-refusals.ts";
export * from "./finding.ts";
export * from "./judge-answer.ts";
export * from "./judge-bundle.ts";
export { RELEASE_ASKED_AGAIN_MS } from "./judge-large.ts";
export * from "./judge-task.ts";
export * from "./judgement.ts";
export * from "./ordered-task.ts";
export * from "./people.ts";
export * from "./plan-orders.ts";
export { type Label, longestWindowMs, type Policy, type PolicyFault, policySchema, readPolicy } from "./policy.ts";
export * from "./registry.ts";
export { reportOf } from "./report.ts";
export * from "./statuses.ts";
