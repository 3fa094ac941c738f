// What a console answers: an output, or a refusal with a stable code. A refusal is a value on both ends.

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

export type ConsoleAnswer =
  | { readonly ok: true; readonly output: JsonObject; readonly binary: Uint8Array }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** The console's own refusals; those of a command have codes of the process that serves it. */
export const CONSOLE_REFUSALS = {
  CONSOLE_UNREACHABLE: "nobody serves this console, or it belongs to another user",
  CONSOLE_CUT: "the line ended before the whole frame was there",
  CONSOLE_TIMEOUT: "the other end took too long",
  CONSOLE_FRAME_INVALID: "what came is no frame of a console",
  CONSOLE_FRAME_TOO_LARGE: "the frame is larger than this console takes",
  CONSOLE_COMMAND_UNKNOWN: "this console does not know the command",
  CONSOLE_BUSY: "too many are waiting at this console",
  CONSOLE_FAILED: "the command failed inside the process; its log says why",
} as const;

export type ConsoleRefusalCode = keyof typeof CONSOLE_REFUSALS;

export function answered(output: JsonObject, binary: Uint8Array = new Uint8Array(0)): ConsoleAnswer {
  return { ok: true, output, binary };
}

export function refusedAs(code: string, message: string): ConsoleAnswer {
  return { ok: false, code, message };
}

export function refusedByConsole(code: ConsoleRefusalCode): ConsoleAnswer {
  return refusedAs(code, CONSOLE_REFUSALS[code]);
}
