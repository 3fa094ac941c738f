// The routes of the policy: propose, read, activate by another person, withdraw, replay.
export * from "./routes.ts";
