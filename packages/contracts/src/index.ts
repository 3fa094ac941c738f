// What crosses a topic or the bridge: the table of messages, seals over exact bytes, signed requests.
export * from "./approvals.ts";
export * from "./bridge-keys.ts";
export * from "./clearance.ts";
export type { SpentElsewhere } from "./conflict-shapes.ts";
export * from "./failure.ts";
export * from "./key-file.ts";
export { type Decoded, decodeMessage, encodeMessage, type MessageOf } from "./messages.ts";
export * from "./producers.ts";
export * from "./seal.ts";
export * from "./signed-request.ts";
export * from "./table.ts";
export * from "./trust.ts";
export * from "./withdrawal-request.ts";
