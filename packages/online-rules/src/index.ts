// What online-risk decides by, without a database, a clock or a network.

export { NETWORKS } from "@sluice/chains";
export type { AllowListFacts, AllowListPolicy } from "./allow-list-rule.ts";
export * from "./behaviour-facts.ts";
export * from "./behaviour-policy.ts";
export * from "./expected-time.ts";
export * from "./label-rule.ts";
export { type Label, type Policy, type PolicyFile, policyFileSchema, readPolicy } from "./policy.ts";
export * from "./policy-text.ts";
export { type FeeEstimates, type FeePolicy, type Quote, quoteAll, quoteFee } from "./quote.ts";
export { type ReportAlarm, type ReportWatch, standingAlarms } from "./report-alarms.ts";
export { endsOf, type Facts, findAll } from "./rules.ts";
