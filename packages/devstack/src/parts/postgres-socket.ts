// What can be learned of a Postgres server from the folder of its Unix socket.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { networkInterfacesOf } from "./confine.ts";

export const SOCKET_FILE = ".s.PGSQL.5432";

/** An administrator's address over the socket in this folder. */
export function socketUrl(socketDirectory: string): string {
  return `postgres:///postgres?host=${encodeURIComponent(socketDirectory).replaceAll("%2F", "/")}&user=postgres`;
}

/** Judged by the kernel's table, not by what was asked for: the server sees nothing but a loopback interface. */
export function isServerIsolated(socketDirectory: string): boolean {
  const pid = readServerPid(socketDirectory);
  const interfaces = pid === null ? null : networkInterfacesOf(pid);
  return interfaces?.every((name) => name === "lo") ?? false;
}

/** The server's process id is the first line of the lock file beside its socket; null when that may not be read. */
export function readServerPid(socketDirectory: string): number | null {
  try {
    const [first = ""] = readFileSync(join(socketDirectory, `${SOCKET_FILE}.lock`), "utf8").split("\n");
    return /^\d+$/.test(first) ? Number(first) : null;
  } catch {
    return null;
  }
}
