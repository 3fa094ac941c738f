// A console's answer as a command's outcome.
import { type ConsoleAnswer, type ConsoleLimits, callConsole, type JsonObject } from "@sluice/console";
import type { Outcome } from "./command.ts";

/** `toLines` makes what people read of the output. */
export async function askConsole(
  path: string,
  command: string,
  input: JsonObject,
  binary: Uint8Array,
  toLines: (output: JsonObject) => readonly string[],
  limits: Partial<ConsoleLimits> = {},
): Promise<Outcome> {
  return outcomeOf(await callConsole(path, command, input, binary, { limits }), toLines);
}

export function outcomeOf(answer: ConsoleAnswer, toLines: (output: JsonObject) => readonly string[]): Outcome {
  if (answer.ok) return { kind: "done", lines: toLines(answer.output), json: answer.output };
  const { code, message } = answer;
  return { kind: NOBODY_THERE.has(code) ? "unavailable" : "refused", faults: [{ code, message }] };
}

const NOBODY_THERE: ReadonlySet<string> = new Set(["CONSOLE_UNREACHABLE", "CONSOLE_TIMEOUT", "CONSOLE_BUSY"]);
