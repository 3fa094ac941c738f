// Finds programs on PATH and runs those that finish by themselves.

import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { PartError } from "./part-error.ts";

const execute = promisify(execFile);

export function findExecutable(name: string, path: string = process.env["PATH"] ?? ""): string | null {
  const candidates = isAbsolute(name) ? [name] : path.split(delimiter).map((directory) => join(directory, name));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    // A folder can be entered, which is the same permission.
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Standard output of a program that ended well; otherwise an error with the end of what it printed. */
export async function run(
  command: readonly string[],
  options: {
    readonly purpose: string;
    readonly withinMs: number;
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
  },
): Promise<string> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error("an empty command");
  try {
    const { stdout } = await execute(program, args, {
      encoding: "utf8",
      timeout: options.withinMs,
      killSignal: "SIGKILL",
      maxBuffer: 64 * 1024 * 1024,
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return stdout;
  } catch (error) {
    throw new PartError("PART_NOT_INSTALLED", `${options.purpose} failed: ${describeFailure(error)}`, { cause: error });
  }
}

const SHOWN_LINES = 15;

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const printed = ["stdout", "stderr"]
    .map((name) => (name in error ? String(Reflect.get(error, name)) : ""))
    .join("\n")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-SHOWN_LINES);
  return printed.length === 0 ? error.message : `\n${printed.map((line) => `    ${line}`).join("\n")}`;
}

/**
 * What a part's process gets to see of the environment: nothing that the person who started it had set for other programs,
 * but for the folder in which Node keeps what it compiled, if somebody named one.
 */
export function plainEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const compiled = env["NODE_COMPILE_CACHE"];
  return {
    PATH: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: "C.UTF-8",
    TZ: "UTC",
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
  };
}
