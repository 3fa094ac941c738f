// Starts a process, waits until it is ready, and stops it.

import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type ChildLog, openChildLog } from "./child-log.ts";
import { type Confinement, confine } from "./confine.ts";
import { PartError } from "./part-error.ts";

/** A line of its output that says so, a question that it answers with yes, or nothing: it counts as ready once it runs. */
export type Readiness =
  | { readonly kind: "line"; readonly pattern: RegExp }
  | { readonly kind: "probe"; readonly probe: () => Promise<boolean> }
  | { readonly kind: "started" };

export type ChildOptions = {
  readonly name: string;
  /** The program and its arguments. Never a secret: everybody on the machine can read them. */
  readonly command: readonly string[];
  /** The whole environment of the process; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard output and standard error go here as they come. */
  readonly logFile: string;
  readonly ready: Readiness;
  readonly readyWithinMs: number;
  readonly confinement?: Confinement;
  readonly cwd?: string;
  /** "pipe" leaves standard input open to the caller through `process.stdin`; bytes are written to it and it is closed. */
  readonly stdin?: "ignore" | "pipe" | Uint8Array;
  /** What the process can read from its descriptors 3, 4, …; each is written and closed. The way for secrets. */
  readonly inputs?: readonly (string | Uint8Array)[];
  /** Asked to stop with this signal (SIGTERM), and killed when it has not ended after the grace (10 s). */
  readonly stopSignal?: "SIGTERM" | "SIGINT";
  readonly stopGraceMs?: number;
  readonly onLine?: (line: string) => void;
};

/** `expected` is true when stop() was called first. */
export type Exit = { readonly code: number | null; readonly signal: string | null; readonly expected: boolean };

export type Child = {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  /** The last lines of its output. */
  tail(): readonly string[];
  /** Asks, waits for the grace, kills, and resolves when the process is gone. */
  stop(): Promise<Exit>;
};

const STOP_GRACE_MS = 10_000;
const PROBE_EVERY_MS = 50;
// A descendant can hold the output open after the process itself is gone.
const LAST_OUTPUT_WITHIN_MS = 300;

/** Resolves when the process is ready; otherwise the process is gone and the error carries the end of its log. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const startedAtMs = Date.now();
  const log = openChildLog(options.logFile);
  const child = supervise(options, await spawnConfined(options, log), log);
  const waiting = new AbortController();
  try {
    const outcome = await Promise.race([
      becomesReady(options.ready, log, waiting.signal),
      delay(options.readyWithinMs, "late" as const, { signal: waiting.signal }),
      child.exited,
    ]);
    if (outcome === "ready") return child;
    if (outcome === "late") await child.stop();
    const seconds = ((Date.now() - startedAtMs) / 1_000).toFixed(1);
    throw outcome === "late"
      ? new PartError("PART_NOT_READY", `${options.name} was not ready after ${seconds} s.${describeTail(child)}`)
      : new PartError(
          "PART_ENDED_EARLY",
          `${options.name} ended before it was ready (${describeExit(outcome)}, after ${seconds} s).${describeTail(child)}`,
        );
  } finally {
    waiting.abort();
  }
}

async function spawnConfined(options: ChildOptions, log: ChildLog): Promise<ChildProcess & { readonly pid: number }> {
  const [program, ...args] = confine(options.command, { whenParentDies: "KILL", ...options.confinement });
  if (program === undefined) throw new Error(`${options.name} has no command`);
  const inputs = options.inputs ?? [];
  const stdin = options.stdin ?? "ignore";
  const stdio: StdioOptions = [
    typeof stdin === "string" ? stdin : "pipe",
    "pipe",
    "pipe",
    ...inputs.map(() => "pipe" as const),
  ];
  const spawned = spawn(program, args, {
    env: options.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio,
    // A session of its own: Ctrl-C in the terminal reaches the stack alone, which then stops the parts in its order.
    detached: true,
  });
  if (spawned.stdout !== null) log.attach(spawned.stdout);
  if (spawned.stderr !== null) log.attach(spawned.stderr);
  try {
    await once(spawned, "spawn");
  } catch (error) {
    log.close();
    throw new PartError("PART_NOT_STARTED", `${options.name} could not be run: ${String(error)}`, { cause: error });
  }
  spawned.on("error", () => undefined);
  if (typeof stdin !== "string") giveInput(spawned.stdin, stdin);
  for (const [index, input] of inputs.entries()) giveInput(spawned.stdio[3 + index], input);
  if (spawned.pid === undefined) throw new Error(`${options.name} was spawned without a process id`);
  return Object.assign(spawned, { pid: spawned.pid });
}

function giveInput(stream: unknown, input: string | Uint8Array): void {
  if (!(stream instanceof Writable)) throw new Error("an input descriptor of a child is not writable");
  // A child that ends without reading its input shows in its exit, not here.
  stream.on("error", () => undefined);
  stream.end(input);
}

function supervise(options: ChildOptions, spawned: ChildProcess & { readonly pid: number }, log: ChildLog): Child {
  if (options.onLine !== undefined) log.listen(options.onLine);
  let stopped: Promise<Exit> | undefined;
  killAtExit(spawned.pid);
  const exited = whenGone(spawned).then((): Exit => {
    living.delete(spawned.pid);
    log.close();
    return { code: spawned.exitCode, signal: spawned.signalCode, expected: stopped !== undefined };
  });

  async function askThenKill(): Promise<Exit> {
    spawned.kill(options.stopSignal ?? "SIGTERM");
    const grace = new AbortController();
    const late = delay(options.stopGraceMs ?? STOP_GRACE_MS, "late" as const, { signal: grace.signal });
    if ((await Promise.race([exited, late])) === "late") killGroup(spawned.pid);
    grace.abort();
    return exited;
  }

  return {
    name: options.name,
    pid: spawned.pid,
    process: spawned,
    exited,
    tail: () => log.tail(),
    stop() {
      stopped ??= living.has(spawned.pid) ? askThenKill() : exited;
      return stopped;
    },
  };
}

/** Resolves when the process has ended and its last output is in, or when that output stays open for longer than it should. */
function whenGone(spawned: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    spawned.once("close", () => resolve());
    spawned.once("exit", () => setTimeout(resolve, LAST_OUTPUT_WITHIN_MS).unref());
  });
}

async function becomesReady(ready: Readiness, log: ChildLog, signal: AbortSignal): Promise<"ready"> {
  switch (ready.kind) {
    case "started":
      return "ready";
    case "line":
      return new Promise((resolve) => {
        const stop = log.listen((line) => {
          if (ready.pattern.test(line)) resolve("ready");
        });
        signal.addEventListener("abort", stop, { once: true });
      });
    case "probe":
      while (!signal.aborted) {
        if (await ready.probe()) return "ready";
        await delay(PROBE_EVERY_MS);
      }
      return new Promise(() => undefined);
    default:
      return ready satisfies never;
  }
}

const living = new Set<number>();

/** When this process ends by itself, whatever it still runs ends with it. SIGKILL of this process is the kernel's to answer: `confine`. */
function killAtExit(pid: number): void {
  if (living.size === 0 && !hooked) {
    hooked = true;
    process.on("exit", () => {
      for (const left of living) killGroup(left);
    });
  }
  living.add(pid);
}

let hooked = false;

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

function describeTail(child: Child): string {
  const tail = child.tail();
  return tail.length === 0
    ? " It printed nothing."
    : ` The last lines of its log:\n${tail.map((line) => `    ${line}`).join("\n")}`;
}
