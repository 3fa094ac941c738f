// The routes of the public API that are about withdrawals.
export * from "./accept.ts";
export * from "./routes.ts";
