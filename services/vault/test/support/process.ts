// Starts vault's processes and reads what they say.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFailed, onTestFinished, vi } from "vitest";
import type { World } from "./world.ts";

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: string };

export type VaultProcess = {
  readonly log: readonly LogLine[];
  /** Rejects when the process ends before. */
  readonly ready: Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly get: (path: string) => Promise<Response>;
  readonly post: (path: string) => Promise<Response>;
  readonly postJson: (path: string, body: object) => Promise<Response>;
  readonly kill: (signal: NodeJS.Signals) => void;
};

/** @param flags for `node`, before the script */
export function spawnVault(world: Pick<World, "env">, flags: readonly string[] = []): VaultProcess {
  const script = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const child = spawn(process.execPath, [...flags, script], {
    env: { ...startedWith(), ...world.env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const log: LogLine[] = [];
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    const entry = parse(line);
    log.push(entry);
    if (entry.msg === "ready") resolve();
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) => {
    child.once("exit", (code, signal) => {
      reject(new Error(`vault ended with ${code ?? signal}: ${JSON.stringify(log.slice(-5))}`));
      done({ code, signal });
    });
  });
  ready.catch(() => undefined);
  const url = (path: string) =>
    `http://127.0.0.1:${log.find(({ httpPort }) => httpPort !== undefined)?.["httpPort"]}${path}`;
  onTestFailed(() => void process.stdout.write(log.map((line) => `${JSON.stringify(line)}\n`).join("")));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    log,
    ready,
    ended,
    get: (path) => fetch(url(path)),
    post: (path) => fetch(url(path), { method: "POST" }),
    postJson: (path, body) =>
      fetch(url(path), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    kill: (signal) => void child.kill(signal),
  };
}

/** Waits until the check holds; what it last said is thrown when it never does. */
export async function eventually(check: () => unknown, timeoutMs = 30_000): Promise<void> {
  await vi.waitFor(check, { timeout: timeoutMs, interval: 50 });
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line, level: "raw" };
  }
}

/** The folder in which Node keeps what it compiled is named by whoever runs all tests. */
function startedWith(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}
