// Asks the kernel whether a process still runs.

import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** False also for a process that has ended and that nobody has waited for yet. */
export function isRunning(pid: number): boolean {
  const state = readState(pid);
  if (state !== null) return state !== "Z" && state !== "X";
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs and belongs to another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The letter after the name in /proc/pid/stat; the name is in parentheses and may itself contain any. Source: proc(5). */
function readState(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch {
    return null;
  }
}

/** True once the process has ended; false when it still runs after this long. For processes that are not our own children. */
export async function waitUntilGone(pid: number, withinMs: number): Promise<boolean> {
  const lastMs = Date.now() + withinMs;
  while (isRunning(pid)) {
    if (Date.now() > lastMs) return false;
    await delay(20);
  }
  return true;
}
