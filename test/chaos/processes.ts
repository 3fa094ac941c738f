// What the kernel says of processes: whether they run, are stopped, and who their children are. Source: proc(5).
import { readdirSync, readFileSync } from "node:fs";

/** The letter after the name in /proc/pid/stat; null when there is no such process. */
export function stateOf(pid: number): string | null {
  return statOf(pid)?.[0] ?? null;
}

export function isGone(pid: number): boolean {
  const state = stateOf(pid);
  return state === null || state === "Z" || state === "X";
}

/** The process and all that descend from it. */
export function treeOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const parent = statOf(Number(name))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isOwn = (one: number | undefined): boolean =>
    one !== undefined && one > 0 && (one === pid || isOwn(parents.get(one)));
  return [...parents.keys()].filter(isOwn);
}

/** Sends a signal to each that is still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Already gone.
    }
  }
}

/** State, parent and the fields after them; the name in parentheses before may itself contain any. */
function statOf(pid: number): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
