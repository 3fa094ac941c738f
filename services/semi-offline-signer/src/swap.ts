// Whether this process's memory can be written to a swap device, from the kernel's own tables.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * null when nothing of this process can be swapped out: the machine has no swap, or a cgroup (v2) that it is in allows it
 * none. Otherwise what was found; a table that cannot be read proves nothing. `root` is where /proc and /sys are.
 */
export function whereMemoryIsSwapped(root = "/"): string | null {
  const swaps = readTable(join(root, "proc/swaps"));
  if (swaps === null) return "/proc/swaps cannot be read";
  const devices = swaps
    .split("\n")
    .slice(1)
    .flatMap((line) => line.split(/\s+/)[0] || []);
  if (devices.length === 0 || allowedNone(root)) return null;
  return `swaps to ${devices.join(", ")}, and no cgroup of it has memory.swap.max 0`;
}

/** One limit of nothing anywhere above is enough. */
function allowedNone(root: string): boolean {
  const path = /^0::(\/.*)$/m.exec(readTable(join(root, "proc/self/cgroup")) ?? "")?.[1];
  if (path === undefined) return false;
  for (let at = path; ; at = dirname(at)) {
    if (readTable(join(root, "sys/fs/cgroup", at, "memory.swap.max"))?.trim() === "0") return true;
    if (at === "/") return false;
  }
}

function readTable(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
