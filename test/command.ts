// A command of the project as a child process of its own: what it says, how it ends, and what it leaves behind.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { plainEnvironment } from "@sluice/devstack";
import { createHeard } from "./journeys/enemy/heard.ts";

export type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
};

export type Command = {
  /** The first line of standard output that matches; rejects when the command ends without it. */
  readonly line: (pattern: RegExp) => Promise<string>;
  readonly interrupt: () => void;
  readonly ended: Promise<Ended>;
  /** Ids of the processes that are its own now: its descendants, and all that were given a path in its folder. */
  readonly processes: () => readonly number[];
  /** What lies in the folder that it has for temporary files. */
  readonly files: () => readonly string[];
  /** Kills what is left, and removes the folder. */
  readonly clear: () => void;
};

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<"demo" | "stack", string>>;
};

/** A whole stack has to start first, on a machine that may have other things to do. */
const LINE_WITHIN_MS = 100_000;

/** Runs what package.json says for a command, on the parts that the environment names, with a folder of its own as TMPDIR. */
export function startCommand(name: "demo" | "stack", ...args: readonly string[]): Command {
  const folder = mkdtempSync(join(tmpdir(), "sluice-command-"));
  const [node, ...script] = manifest.scripts[name].split(" ");
  if (node !== "node") throw new Error(`${name} is not run by node`);
  const child = spawn(process.execPath, [...script, ...args], {
    cwd: ROOT,
    env: { ...plainEnvironment(), ...partsInEnvironment(), TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = createHeard<string>(LINE_WITHIN_MS);
  const stderr = createHeard<string>(LINE_WITHIN_MS);
  createInterface({ input: child.stdout }).on("line", stdout.push);
  createInterface({ input: child.stderr }).on("line", stderr.push);
  const processes = () => ownProcesses(child, folder);
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal, stdout: stdout.all(), stderr: stderr.all() }));
  });
  return {
    line: (pattern) => {
      const matching = () => stdout.all().find((line) => pattern.test(line));
      const without = ended.then((end) => {
        const found = matching();
        if (found !== undefined) return found;
        throw new Error(`${name} ended with ${end.code ?? end.signal} before ${pattern}:\n${end.stderr.join("\n")}`);
      });
      return Promise.race([stdout.until(String(pattern), matching), without]);
    },
    interrupt: () => void child.kill("SIGINT"),
    ended,
    processes,
    files: () => readdirSync(folder),
    clear: () => {
      for (const pid of processes()) process.kill(pid, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const PARTS = ["KAFKA_BROKERS", "DATABASE_URL", "OFFLINE_DATABASE_URL", "BITCOIN_RPC_URL"] as const;
/** Used when it is there. */
const PEER = "BITCOIN_PEER_RPC_URL";

function partsInEnvironment(): Record<string, string> {
  const parts = PARTS.map((name) => {
    const address = process.env[name];
    if (address === undefined) throw new Error(`${name} is not set: the commands run on parts that are up`);
    return [name, address] as const;
  });
  const peer = process.env[PEER];
  return Object.fromEntries(peer === undefined ? parts : [...parts, [PEER, peer]]);
}

function ownProcesses(child: ChildProcess, folder: string): readonly number[] {
  const parents = new Map<number, number>();
  const named = new Set<number>();
  for (const pid of readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)) {
    const status = readOf(pid, "status");
    // What has ended and was not yet collected runs no more.
    if (status === null || /^State:\s+Z/m.test(status)) continue;
    parents.set(pid, Number(/^PPid:\s+([0-9]+)/m.exec(status)?.[1]));
    if (`${readOf(pid, "environ")}${readOf(pid, "cmdline")}`.includes(folder)) named.add(pid);
  }
  const isOwn = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 0 && (pid === child.pid || named.has(pid) || isOwn(parents.get(pid)));
  return [...parents.keys()].filter(isOwn);
}

/** Null when the process has just ended, or is somebody else's. */
function readOf(pid: number, file: "status" | "environ" | "cmdline"): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return null;
  }
}
