// The processes of a Postgres server, found by its socket: the server itself and one for each connection and duty.

import { readdirSync, readFileSync } from "node:fs";
import { readServerPid } from "../parts/postgres-socket.ts";

/** Empty when the server does not run where its processes can be seen, as in a container. */
export function serverProcesses(socketDirectory: string): readonly number[] {
  const server = readServerPid(socketDirectory);
  if (server === null || nameOf(server) !== "postgres") return [];
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return [server, ...all.map(Number).filter((pid) => parentOf(pid) === server)];
}

function nameOf(pid: number): string | null {
  return read(pid, "comm")?.trim() ?? null;
}

/** The fourth field; the second, a name in parentheses, may hold anything. */
function parentOf(pid: number): number {
  const stat = read(pid, "stat") ?? "";
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function read(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return null;
  }
}
