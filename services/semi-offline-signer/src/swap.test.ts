// Swap: tables as the kernel writes them, on machines with and without it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { whereMemoryIsSwapped } from "./swap.ts";

const folder = mkdtempSync(join(tmpdir(), "swap-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADING = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
const SWAPS = `${HEADING}/dev/sda2                               partition\t2097148\t\t0\t\t-2\n/swapfile file\t1\t0\t-3\n`;
const CGROUP = "0::/system.slice/holder.service\n";
const LIMIT = "sys/fs/cgroup/system.slice";

test.each<[string, Readonly<Record<string, string>>]>([
  ["there is no swap", { "proc/swaps": HEADING }],
  ["its own cgroup may use none", swapped({ [`${LIMIT}/holder.service/memory.swap.max`]: "0\n" })],
  ["a cgroup above it may use none", swapped({ [`${LIMIT}/memory.swap.max`]: "0\n" })],
  [
    "the cgroup of its container may use none",
    swapped({ "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.swap.max": "0" }),
  ],
])("nothing can be swapped out where %s", (_, files) => expect(whereMemoryIsSwapped(machine(files))).toBeNull());

test.each<[string, Readonly<Record<string, string>>, string]>([
  ["there are devices", swapped({}), "swaps to /dev/sda2, /swapfile"],
  ["its cgroup may use some", swapped({ [`${LIMIT}/memory.swap.max`]: "max\n" }), "/dev/sda2"],
  ["another's cgroup may use none", swapped({ "sys/fs/cgroup/user.slice/memory.swap.max": "0" }), "/dev/sda2"],
  ["only a cgroup of version 1 says something", swapped({ "proc/self/cgroup": "4:memory:/\n" }), "/dev/sda2"],
  ["nothing is known", {}, "/proc/swaps cannot be read"],
])("memory can be swapped out where %s", (_, files, found) => {
  expect(whereMemoryIsSwapped(machine(files))).toContain(found);
});

function swapped(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { "proc/swaps": SWAPS, "proc/self/cgroup": CGROUP, ...files };
}

function machine(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(folder, "root-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}
