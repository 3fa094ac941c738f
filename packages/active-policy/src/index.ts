// The policy that counts now, and the versions that it is one of. The tables are made by the migrations of online-risk.
export * from "./policies.ts";
export * from "./versions.ts";
