// What the semi-offline zone decides for itself: on a task, on whom to ask, on what a holder answers.
export * from "./finding.ts";
export * from "./judge-answer.ts";
export * from "./judge-task.ts";
export * from "./plan-orders.ts";
export { type Label, type Policy, type PolicyFault, policyFileSchema, readPolicy } from "./policy.ts";
export { reportOf } from "./report.ts";
