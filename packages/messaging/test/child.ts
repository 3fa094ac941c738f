// Starts one of the processes beside this file and tells how it ended.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export type Child = {
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Asks it to stop once it is up. */
  readonly terminate: () => Promise<void>;
};

/** @param flags for `node`, before the script */
export function startChild(
  file: `${"consumer" | "relay" | "outbox"}-process.ts`,
  orders: unknown,
  flags: readonly string[] = [],
): Child {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [...flags, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => {
    // A test that fails half-way leaves no process behind.
    child.kill("SIGKILL");
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.once("data", () => resolve());
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  child.stdin.end(JSON.stringify(orders));
  return {
    ended,
    terminate: async () => {
      await Promise.race([ready, ended]);
      child.kill("SIGTERM");
    },
  };
}
