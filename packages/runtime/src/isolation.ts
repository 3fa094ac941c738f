// Finds out from the kernel's own tables whether this process's network namespace knows any IP address or route.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "./logger.ts";

export type Isolation = {
  readonly noIp: boolean;
  /** What was found, for the person who has to take it away. */
  readonly detail: string;
};

/** EX_NOPERM of sysexits.h: the process may not serve in this network namespace. */
export const EXIT_NOT_ISOLATED = 77;

export type IsolationOptions = {
  /** Interfaces that carry the bridge's own packets. They may be there, without an address and without a route. */
  readonly carrierInterfaces?: readonly string[];
  /** Where the tables are that proc(5) describes. */
  readonly directory?: string;
};

/**
 * Isolated means: no interface but a loopback that is down and those that are allowed by name, and neither an address
 * nor a route of IPv4 or IPv6 on any. A table that is absent belongs to a protocol that the kernel does not have; one
 * that cannot be read proves nothing, so it counts against isolation.
 */
export function inspectIsolation({
  carrierInterfaces = [],
  directory = "/proc/self/net",
}: IsolationOptions = {}): Isolation {
  const found = TABLES.flatMap(({ file, mayBeAbsent, entries }) => {
    const table = readTable(join(directory, file));
    if (table === null) return mayBeAbsent ? [] : [`${file} is absent`];
    return typeof table === "string" ? entries(table, carrierInterfaces) : [`${file} cannot be read (${table.fault})`];
  });
  if (found.length === 0) {
    const but = ["a loopback that is down", ...carrierInterfaces].join(", ");
    return { noIp: true, detail: `no interface but ${but}, no address, no route` };
  }
  const shown = [...new Set(found)];
  const more = shown.length > SHOWN_AT_MOST ? [`and ${shown.length - SHOWN_AT_MOST} more`] : [];
  return { noIp: false, detail: [...shown.slice(0, SHOWN_AT_MOST), ...more].join("; ") };
}

/** Inspects, and ends the process with EXIT_NOT_ISOLATED when isolation is required and not there. */
export function requireIsolation(
  logger: Logger,
  required: boolean,
  inspect: () => Isolation = inspectIsolation,
): Isolation {
  const isolation = inspect();
  if (isolation.noIp) return isolation;
  if (!required) {
    logger.warn({ isolation }, "this process could reach an IP network, and its settings let it serve all the same");
    return isolation;
  }
  logger.fatal(
    { isolation },
    `this process does not serve where IP is to be had: ${isolation.detail}. Start it in a network namespace of its own`,
  );
  process.exit(EXIT_NOT_ISOLATED);
}

const SHOWN_AT_MOST = 8;

type Table = {
  readonly file: string;
  readonly mayBeAbsent: boolean;
  readonly entries: (table: string, carrierInterfaces: readonly string[]) => readonly string[];
};

const TABLES: readonly Table[] = [
  { file: "dev", mayBeAbsent: false, entries: foreignInterfaces },
  { file: "fib_trie", mayBeAbsent: true, entries: localAddresses },
  { file: "route", mayBeAbsent: true, entries: ipv4Routes },
  { file: "if_inet6", mayBeAbsent: true, entries: ipv6Addresses },
  { file: "ipv6_route", mayBeAbsent: true, entries: ipv6Routes },
];

/** Two lines of heading, then `name: counters`. */
function foreignInterfaces(table: string, carrierInterfaces: readonly string[]): readonly string[] {
  const names = linesOf(table)
    .slice(2)
    .map((line) => line.slice(0, line.lastIndexOf(":")).trim());
  return names.filter((name) => name !== "lo" && !carrierInterfaces.includes(name)).map((name) => `interface ${name}`);
}

/** An address stands above its `/32 host LOCAL`; a loopback that is down has none. */
function localAddresses(table: string): readonly string[] {
  const lines = linesOf(table);
  return lines.flatMap((line, at) => {
    if (!/\bhost LOCAL\b/.test(line)) return [];
    const above = lines.slice(0, at).findLast((candidate) => candidate.includes("|--"));
    return [`address ${above?.replace("|--", "").trim() ?? "unknown"}`];
  });
}

/** One line of heading. */
function ipv4Routes(table: string): readonly string[] {
  return linesOf(table)
    .slice(1)
    .map((line) => `IPv4 route by ${fieldOf(line, 0)}`);
}

function ipv6Addresses(table: string): readonly string[] {
  return linesOf(table).map((line) => `address ${groups(fieldOf(line, 0))} of ${fieldOf(line, 5)}`);
}

/** The kernel lists its own "there is no route" in every namespace: it rejects (flag 0x0200) and has no next hop. */
function ipv6Routes(table: string): readonly string[] {
  return linesOf(table)
    .filter((line) => (Number.parseInt(fieldOf(line, 8), 16) & 0x0020_0200) !== 0x0020_0200)
    .map((line) => `IPv6 route by ${fieldOf(line, 9)}`);
}

function readTable(path: string): string | { readonly fault: string } | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
    return code === "ENOENT" ? null : { fault: code };
  }
}

function linesOf(table: string): readonly string[] {
  return table.split("\n").filter((line) => line.trim() !== "");
}

function fieldOf(line: string, at: number): string {
  return line.trim().split(/\s+/)[at] ?? "unknown";
}

function groups(hex: string): string {
  return hex.match(/.{1,4}/g)?.join(":") ?? hex;
}
