// The proof that the semi-offline zone has no IP: counted in the kernel's tables, process by process.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { HOLDERS } from "@sluice/contracts";
import { inspectIsolation } from "@sluice/runtime";
import type { OfflinePostgresPart } from "../parts.ts";
import type { Stack } from "../stack/stack.ts";
import { inspectSockets, ipSocketsOf } from "./kernel-sockets.ts";
import { serverProcesses } from "./server-processes.ts";

export type ZoneProcess = { readonly name: string; readonly pid: number };

export type ZoneProof = {
  readonly processes: readonly ZoneProcess[];
  readonly namespaces: number;
  /** What was looked at, in all processes together. */
  readonly descriptors: number;
  readonly sockets: number;
  readonly unixSockets: number;
  /** Whose descriptors may not be looked at from here: holders close themselves to everybody but root. */
  readonly hidden: readonly string[];
  /** Whatever carries IP or could: sockets, interfaces, addresses, routes. Empty when the zone has none. */
  readonly found: readonly string[];
};

/** semi-offline-risk, the holders, and every process of their Postgres. */
export function zoneProcesses(
  { processOf }: Pick<Stack, "processOf">,
  { socketDirectory }: Pick<OfflinePostgresPart, "socketDirectory">,
): readonly ZoneProcess[] {
  const own = ["semi-offline-risk", ...HOLDERS] as const;
  return [
    ...own.map((name) => ({ name, pid: processOf(name).pid })),
    ...serverProcesses(socketDirectory).map((pid) => ({ name: titleOf(pid), pid })),
  ];
}

/**
 * Looks at the zone as it is now. A database's process comes and goes with its connection: when one went in between, all are
 * listed and looked at anew.
 */
export function proveZone(list: () => readonly ZoneProcess[]): ZoneProof {
  for (;;) {
    try {
      return lookAt(list());
    } catch (error) {
      if (!(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")))
        throw error;
    }
  }
}

function lookAt(processes: readonly ZoneProcess[]): ZoneProof {
  const open = processes.filter(({ pid }) => mayLookInto(pid));
  const seen = inspectSockets(open.map(({ pid }) => pid));
  const nameOf = new Map(processes.map(({ name, pid }) => [pid, `${name} (${pid})`]));
  const carried = seen.flatMap((one) => [
    ...one.ipLines.map((line) => [one.pid, line] as const),
    ...ipSocketsOf(one).map(
      ({ descriptor, family }) => [one.pid, `descriptor ${descriptor} is a socket of family ${family}`] as const,
    ),
  ]);
  const reached = processes.flatMap(({ pid }) => {
    const { noIp, detail } = inspectIsolation({ directory: `/proc/${pid}/net` });
    if (noIp) return [];
    // One that went since it was listed has no tables, which proves nothing: this throws, and all are looked at anew.
    mayLookInto(pid);
    return [[pid, detail] as const];
  });
  const sockets = seen.flatMap((one) => one.sockets);
  return {
    processes,
    namespaces: new Set(seen.map(({ namespace }) => namespace)).size,
    descriptors: seen.reduce((sum, { descriptors }) => sum + descriptors, 0),
    sockets: sockets.length,
    unixSockets: sockets.filter(({ family }) => family === "unix").length,
    hidden: processes.filter((one) => !open.includes(one)).map(({ name }) => name),
    found: [...reached, ...carried].map(([pid, what]) => `${nameOf.get(pid)}: ${what}`),
  };
}

function mayLookInto(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/ns/net`);
    readdirSync(`/proc/${pid}/fd`);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM")) return false;
    throw error;
  }
}

/** Postgres writes into its arguments what each process is there for. */
function titleOf(pid: number): string {
  const title = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
  return title.startsWith("postgres:") ? title : "postgres";
}
