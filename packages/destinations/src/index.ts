// Where an account's money may go: the allow-lists, their routes, and what the rules ask of them.
export * from "./routes.ts";
export { loadAllowed } from "./store.ts";
