// Typed client of the withdrawal API: signs every try anew, and never posts twice by accident.

export type { SignalOutcome, ToldSignal } from "@sluice/signals";
export type { ApiFinding, FeeQuotes, FieldError, WithdrawalDetails, WithdrawalList, WithdrawalSummary } from "./api.ts";
export * from "./client.ts";
export { SluiceApiError } from "./errors.ts";
export type { ApiPolicy, ApiPolicyVersion, PolicyList, Replay, Replayed, ReplayedVerdict } from "./policy-api.ts";
export type { PolicyCalls } from "./policy-calls.ts";
export type { AddressToScreen, ScreenedAddress, Screening } from "./screening-shapes.ts";
export { SUSPENDABLE, type Suspend, type Suspension } from "./suspension-shapes.ts";
export * from "./webhooks.ts";
