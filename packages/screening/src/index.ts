// Address labels at work in a risk system.
export * from "./open-screening.ts";
export * from "./provider.ts";
export * from "./settings.ts";
