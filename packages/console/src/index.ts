// The local console of a semi-offline process: served by the process, called by a person's command on the same machine.

export {
  answered,
  CONSOLE_REFUSALS,
  type ConsoleAnswer,
  type ConsoleRefusalCode,
  type Json,
  type JsonObject,
  refusedAs,
} from "./answer.ts";
export { type CallOptions, callConsole } from "./call-console.ts";
export { type ConsoleLimits, DEFAULT_LIMITS } from "./frame.ts";
export { type Console, type ConsoleCommand, ConsoleError, type ServeOptions, serveConsole } from "./serve-console.ts";
