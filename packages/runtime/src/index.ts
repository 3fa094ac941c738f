// What every process needs before it does its own work: settings, secrets, a log, metrics, and an orderly end.
export * from "./config.ts";
export * from "./descriptors.ts";
export * from "./exposition.ts";
export * from "./isolation.ts";
export * from "./lifecycle.ts";
export * from "./logger.ts";
export * from "./metrics.ts";
export * from "./rounds.ts";
export * from "./secrets.ts";
export * as setting from "./settings.ts";
