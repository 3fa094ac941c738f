// Suspensions: easy to set, hard to lift.
export * from "./routes.ts";
export { holdOff, type Standing, standingAgainst, standingFor } from "./suspensions.ts";
