// Who may call the API: keys, scopes, addresses, signatures, and how a request is refused.
export * from "./api-keys.ts";
export * from "./authenticate.ts";
export * from "./door.ts";
export * from "./key-files.ts";
export * from "./nonces.ts";
export * from "./rate-limit.ts";
export * from "./refusal.ts";
export * from "./refusals.ts";
