// What vault asks the semi-offline zone for after its database was restored from an older copy.
export * from "./recall.ts";
