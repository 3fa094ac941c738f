// Step 2: what was received is judged, many in one transaction. The tables are made by the migrations of online-risk.
export * from "./backlog.ts";
export * from "./batch.ts";
export * from "./judge.ts";
