// Suspensions: easy to set, hard to lift.
export * from "./routes.ts";
export { holdOff, type Standing, standingFor } from "./suspensions.ts";
