// The proof that the semi-offline zone has no IP: counted in the kernel's tables, process by process.

import { readFileSync } from "node:fs";
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
 * @throws when a process may not be looked at
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
  const seen = inspectSockets(processes.map(({ pid }) => pid));
  const nameOf = new Map(processes.map(({ name, pid }) => [pid, `${name} (${pid})`]));
  const found = seen.flatMap((one) => {
    const { noIp, detail } = inspectIsolation({ directory: `/proc/${one.pid}/net` });
    return [
      ...(noIp ? [] : [detail]),
      ...one.ipLines,
      ...ipSocketsOf(one).map(({ descriptor, family }) => `descriptor ${descriptor} is a socket of family ${family}`),
    ].map((what) => `${nameOf.get(one.pid)}: ${what}`);
  });
  const sockets = seen.flatMap((one) => one.sockets);
  return {
    processes,
    namespaces: new Set(seen.map(({ namespace }) => namespace)).size,
    descriptors: seen.reduce((sum, { descriptors }) => sum + descriptors, 0),
    sockets: sockets.length,
    unixSockets: sockets.filter(({ family }) => family === "unix").length,
    found,
  };
}

/** Postgres writes into its arguments what each process is there for. */
function titleOf(pid: number): string {
  const title = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
  return title.startsWith("postgres:") ? title : "postgres";
}
