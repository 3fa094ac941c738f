// Looks at the semi-offline zone from outside, through the kernel, while a journey goes on.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { inspectSockets, proveZone, type Stack, targetOf, type ZoneProof } from "@sluice/devstack";

const LOOK_EVERY_MS = 250;

export type ZoneWatch = { readonly stop: () => Promise<readonly ZoneProof[]> };

/** Looks again and again until it is stopped. */
export function watchZone(stack: Stack): ZoneWatch {
  const looks: ZoneProof[] = [];
  const stopped = new AbortController();
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      looks.push(proveZone(stack.zoneProcesses));
      await delay(LOOK_EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await looking;
      return looks;
    },
  };
}

/** A process with one IP socket, as a control: what finds none elsewhere has to find this one. */
export async function startControl(): Promise<ChildProcess & { readonly pid: number }> {
  const script = `require("node:net").createServer().listen(0, "127.0.0.1", () => process.stdout.write("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout !== null) await once(child.stdout, "data");
  return Object.assign(child, { pid: child.pid ?? 0 });
}

export function environmentOf(pid: number): readonly string[] {
  const entries = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
  return entries.map((entry) => entry.slice(0, entry.indexOf("=")));
}

/**
 * What each descriptor of each of these processes is, counted by kind. "inherited socket" is one without a name from outside
 * its namespace: the ends of the starter's pipes. A pipe is a process's own when nobody else on this machine has an end of it.
 */
export function descriptorKinds(pids: readonly number[]): ReadonlyMap<number, Readonly<Record<string, number>>> {
  const holders = pipeHolders();
  return new Map(
    inspectSockets(pids).map(({ pid, sockets }) => {
      const byDescriptor = new Map(sockets.map((socket) => [String(socket.descriptor), socket]));
      const kinds: Record<string, number> = {};
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        const target = targetOf(pid, descriptor);
        if (target === null) continue;
        const socket = byDescriptor.get(descriptor);
        const kind = socket === undefined ? kindOf(target, holders) : kindOfSocket(socket);
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      }
      return [pid, kinds];
    }),
  );
}

function kindOfSocket({ family, foreign, path }: { family: string; foreign: boolean; path?: string }): string {
  if (path !== undefined) return `${family} socket by name`;
  return foreign ? `inherited ${family} socket` : `own ${family} socket`;
}

function kindOf(target: string, holders: ReadonlyMap<string, ReadonlySet<string>>): string {
  if (target.startsWith("pipe:")) return (holders.get(target)?.size ?? 0) > 1 ? "inherited pipe" : "own pipe";
  if (target.startsWith("anon_inode:")) return target;
  return target.startsWith("/dev/") ? target : "file";
}

/** Every pipe on this machine with the processes that have an end of it. */
function pipeHolders(): ReadonlyMap<string, ReadonlySet<string>> {
  const holders = new Map<string, Set<string>>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of descriptorsOf(pid)) {
      const target = targetOf(Number(pid), descriptor);
      if (target?.startsWith("pipe:")) holders.set(target, (holders.get(target) ?? new Set()).add(pid));
    }
  }
  return holders;
}

/** None when the process is gone. */
function descriptorsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}
