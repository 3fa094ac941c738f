// The service as a real process: started on real parts, spoken to over HTTP, stopped or killed.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** Says what is to be done when the test, or the file, is over. */
export type Defer = (cleanUp: () => Promise<void>) => void;

export type LogLine = { readonly level: string; readonly msg: string; readonly [field: string]: unknown };

export type Running = {
  readonly api: string;
  readonly internal: string;
  readonly log: readonly LogLine[];
  /** Sends the signal and resolves to the exit code, null when the signal itself ended it. */
  readonly end: (signal: "SIGTERM" | "SIGKILL") => Promise<number | null>;
};

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** Resolves when the process is ready, or halted if that is expected; it is killed with the test if it still lives then. */
export async function startProcess(
  env: Readonly<Record<string, string>>,
  defer: Defer = onTestFinished,
  expected: "ready" | "halted" = "ready",
): Promise<Running> {
  const { child, log, ended } = run(env, defer);
  await new Promise<void>((resolve, reject) => {
    onLine(child, ({ msg }) => {
      if (msg === "ready" || (expected === "halted" && msg.startsWith("halted"))) resolve();
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${JSON.stringify(log, null, 1)}`)));
  });
  const portIn = (field: string) => log.findLast((line) => typeof line[field] === "number")?.[field];
  return {
    get api() {
      return `http://127.0.0.1:${String(portIn("apiPort"))}`;
    },
    get internal() {
      return `http://127.0.0.1:${String(portIn("httpPort"))}`;
    },
    log,
    end: async (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** One that may die at any moment: where its front door and its internal HTTP are, if they ever open, and how it ended. */
export function startArmed(env: Readonly<Record<string, string>>, flags: readonly string[]) {
  const { child, ended } = run(env, onTestFinished, flags);
  const addressIn = (field: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    onLine(child, ({ [field]: port }) => {
      if (typeof port === "number") resolve(`http://127.0.0.1:${port}`);
    });
    return promise;
  };
  return { api: addressIn("apiPort"), internal: addressIn("httpPort"), ended: ended.then(() => child.signalCode) };
}

/** For a process that is expected to end by itself. */
export async function runToEnd(env: Readonly<Record<string, string>>) {
  const { log, ended } = run(env, onTestFinished);
  return { code: await ended, log };
}

function run(env: Readonly<Record<string, string>>, defer: Defer, flags: readonly string[] = []) {
  const child = spawn(process.execPath, [...flags, MAIN], {
    env: { ...startedWith(), ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: LogLine[] = [];
  onLine(child, (line) => log.push(line));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, log, ended };
}

const READERS = new WeakMap<ChildProcess, ReturnType<typeof createInterface>>();

function onLine(child: ChildProcess, tell: (line: LogLine) => void): void {
  if (child.stderr === null) throw new Error("the process has no stderr");
  const reader = READERS.get(child) ?? createInterface(child.stderr);
  READERS.set(child, reader);
  reader.on("line", (text) => tell(parseLine(text)));
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: "raw", msg: text };
  }
}

/** JSON files that only their owner may read, removed with the test. */
export async function writeFiles<N extends string>(
  contents: Readonly<Record<N, unknown>>,
  defer: Defer = onTestFinished,
): Promise<Record<N, string>> {
  const folder = await mkdtemp(join(tmpdir(), "online-risk-"));
  defer(() => rm(folder, { recursive: true, force: true }));
  const entries = Object.entries(contents).map(async ([name, content]) => {
    const path = join(folder, `${name}.json`);
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
    return [name, path] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<N, string>;
}

/** The folder in which Node keeps what it compiled is named by whoever runs all tests. */
function startedWith(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}
