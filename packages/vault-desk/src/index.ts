// What people are shown of vault, and what they say to it.
export * from "./routes.ts";
