// Suspensions: easy to set, hard to lift.
export { bringBackSuspensions } from "./bring-back.ts";
export * from "./routes.ts";
export { holdOff, type Standing, standingAgainst, standingFor } from "./suspensions.ts";
