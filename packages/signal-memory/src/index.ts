// What an exchange's backend tells of its accounts: taken, kept, and read back as what the rules ask.
export * from "./behaviour.ts";
export * from "./from-topic.ts";
export * from "./routes.ts";
export * from "./told.ts";
