// What the kernel's own tables say about processes: every descriptor, every socket behind one, and of which family it is.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type ProcessSockets = {
  readonly pid: number;
  /** The kernel's name for its network namespace. */
  readonly namespace: string;
  /** How many descriptors were looked at. */
  readonly descriptors: number;
  readonly sockets: readonly FoundSocket[];
  /** Lines of IP and packet sockets in the tables of its network namespace, whoever holds them. */
  readonly ipLines: readonly string[];
};

export type FoundSocket = {
  readonly descriptor: number;
  readonly inode: string;
  /** A table's name: "unix", "netlink", "tcp"; "unknown" when it stands in none, which proves nothing. */
  readonly family: string;
  /** Whether it was made in a namespace other than the process's: inherited, or accepted from somebody elsewhere. */
  readonly foreign: boolean;
  /** Of a named Unix socket. */
  readonly path?: string;
};

/** Sockets of these families carry no IP. All others count as found, "unknown" too. */
const HARMLESS = ["unix", "netlink"];

export function ipSocketsOf({ sockets }: ProcessSockets): readonly FoundSocket[] {
  return sockets.filter(({ family }) => !HARMLESS.includes(family));
}

/**
 * Reads /proc/<pid>/net/* and /proc/<pid>/fd of each. A socket stands in the table of the namespace that it was made in,
 * which need not be its holder's: an accepted one is of the namespace of whoever connected. So it is looked for in every
 * namespace of this machine that can be seen.
 * @throws when a process is gone or may not be looked at
 */
export function inspectSockets(pids: readonly number[]): readonly ProcessSockets[] {
  const namespaces = allNamespaces();
  for (const pid of pids) namespaces.set(namespaceOf(pid), pid);
  const tables = readAllTables(namespaces, pids);
  const seen = pids.map((pid) => inspectProcess(pid, tables));
  const unresolved = seen.some(({ sockets }) => sockets.some(({ family }) => family === "unknown"));
  // What was made after the tables were read stands in them now, and what was gone before this stands nowhere.
  return unresolved ? resolveLater(seen, readAllTables(namespaces, pids)) : seen;
}

function inspectProcess(pid: number, tables: Tables): ProcessSockets {
  const namespace = namespaceOf(pid);
  const descriptors = readdirSync(`/proc/${pid}/fd`);
  const sockets = descriptors.flatMap((descriptor): readonly FoundSocket[] => {
    const inode = socketOf(pid, descriptor);
    return inode === null ? [] : [resolveSocket(Number(descriptor), inode, namespace, tables)];
  });
  const ipLines = (tables.get(namespace) ?? []).filter(({ family }) => !HARMLESS.includes(family));
  return {
    pid,
    namespace,
    descriptors: descriptors.length,
    sockets,
    ipLines: ipLines.map(({ family, line }) => `${family}: ${line}`),
  };
}

function resolveLater(seen: readonly ProcessSockets[], tables: Tables): readonly ProcessSockets[] {
  return seen.map((one) => ({
    ...one,
    sockets: one.sockets.flatMap((socket): readonly FoundSocket[] => {
      if (socket.family !== "unknown") return [socket];
      if (socketOf(one.pid, String(socket.descriptor)) !== socket.inode) return [];
      return [resolveSocket(socket.descriptor, socket.inode, one.namespace, tables)];
    }),
  }));
}

type Tables = ReadonlyMap<string, readonly Entry[]>;

/** A stranger whose namespace it was may be gone; then a socket that was made there is unknown. */
function readAllTables(namespaces: ReadonlyMap<string, number>, needed: readonly number[]): Tables {
  return new Map(
    [...namespaces].map(([namespace, pid]) => {
      try {
        return [namespace, readTables(pid)] as const;
      } catch (error) {
        if (needed.includes(pid)) throw error;
        return [namespace, []] as const;
      }
    }),
  );
}

function resolveSocket(descriptor: number, inode: string, own: string, tables: Tables): FoundSocket {
  for (const [namespace, entries] of tables) {
    const entry = entries.find((each) => each.inode === inode);
    if (entry === undefined) continue;
    const { family, path } = entry;
    return { descriptor, inode, family, foreign: namespace !== own, ...(path === undefined ? {} : { path }) };
  }
  return { descriptor, inode, family: "unknown", foreign: true };
}

type Entry = { readonly family: string; readonly inode: string; readonly line: string; readonly path?: string };

/** Where a table's line has the inode: proc(5). A table that may be absent belongs to what a kernel can lack. */
const TABLES: readonly { readonly family: string; readonly inodeAt: number; readonly mayBeAbsent: boolean }[] = [
  { family: "unix", inodeAt: 6, mayBeAbsent: false },
  { family: "netlink", inodeAt: 9, mayBeAbsent: false },
  { family: "packet", inodeAt: 8, mayBeAbsent: true },
  ...["tcp", "udp", "raw"].map((family) => ({ family, inodeAt: 9, mayBeAbsent: false })),
  ...["tcp6", "udp6", "raw6", "udplite", "udplite6", "icmp", "icmp6"].map((family) => ({
    family,
    inodeAt: 9,
    mayBeAbsent: true,
  })),
];

function readTables(pid: number): readonly Entry[] {
  return TABLES.flatMap(({ family, inodeAt, mayBeAbsent }) => {
    const lines = readTable(`/proc/${pid}/net/${family}`, mayBeAbsent).split("\n").slice(1);
    return lines.flatMap((line): readonly Entry[] => {
      const fields = line.trim().split(/\s+/);
      const inode = fields[inodeAt];
      if (inode === undefined) return [];
      const path = family === "unix" ? fields[7] : undefined;
      return [{ family, inode, line: line.trim(), ...(path === undefined ? {} : { path }) }];
    });
  });
}

function readTable(path: string, mayBeAbsent: boolean): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (mayBeAbsent && error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

/** Each with one process of it. What may not be looked into, or is gone by now, is left out. */
function allNamespaces(): Map<string, number> {
  const namespaces = new Map<string, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const namespace = namespaceOf(Number(name));
      if (!namespaces.has(namespace)) namespaces.set(namespace, Number(name));
    } catch {
      // See above.
    }
  }
  return namespaces;
}

function namespaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

function socketOf(pid: number, descriptor: string): string | null {
  return /^socket:\[(\d+)\]$/.exec(targetOf(pid, descriptor) ?? "")?.[1] ?? null;
}

/** What a descriptor points to; null when it was closed meanwhile. */
export function targetOf(pid: number, descriptor: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return null;
  }
}
