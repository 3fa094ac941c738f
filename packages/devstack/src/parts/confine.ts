// Wraps a command so that it runs as another user, without a network, and not longer than its parent.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export type Confinement = {
  /** The user and group to become. Only root can ask for it. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** A network namespace of its own, in which only a downed loopback interface exists. */
  readonly withoutNetwork?: boolean;
  /** What the kernel sends the process when the process that started it is gone, however that came about. */
  readonly whenParentDies?: "TERM" | "INT" | "KILL";
};

/** What this machine permits, found by trying. */
export type Permissions = {
  /** util-linux's setpriv works: user change and parent-death signal. */
  readonly setpriv: boolean;
  /** How a network namespace can be had. */
  readonly networkNamespace: "privileged" | "user-namespace" | "none";
};

/**
 * The command with its wrappers in front. Each wrapper replaces itself by the next, so the process id stays the one that
 * was spawned. The parent-death signal comes last because a change of user or of capabilities clears it.
 */
export function confine(
  command: readonly string[],
  confinement: Confinement,
  permissions: Permissions = readPermissions(),
): readonly string[] {
  const { user, withoutNetwork = false, whenParentDies } = confinement;
  const wrappers: string[] = [];
  if (withoutNetwork && permissions.networkNamespace === "privileged") wrappers.push("unshare", "--net", "--");
  if (user !== undefined) {
    if (!permissions.setpriv) throw new Error("another user was asked for and setpriv is not there");
    wrappers.push("setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--");
  }
  if (withoutNetwork && permissions.networkNamespace === "user-namespace") {
    wrappers.push("unshare", "--user", "--map-current-user", "--net", "--");
  }
  if (whenParentDies !== undefined && permissions.setpriv)
    wrappers.push("setpriv", "--pdeathsig", whenParentDies, "--");
  return [...wrappers, ...command];
}

let known: Permissions | undefined;

/** Tries once a process and remembers. */
export function readPermissions(): Permissions {
  known ??= {
    setpriv: works("setpriv", "--pdeathsig", "TERM", "--", "true"),
    networkNamespace: works("unshare", "--net", "--", "true")
      ? "privileged"
      : works("unshare", "--user", "--map-current-user", "--net", "--", "true")
        ? "user-namespace"
        : "none",
  };
  return known;
}

function works(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore", timeout: 5_000 }).status === 0;
}

/** The network interfaces that a process sees, from the kernel's own table; null when it may not be read. */
export function networkInterfacesOf(pid: number): readonly string[] | null {
  try {
    return parseInterfaces(readFileSync(`/proc/${pid}/net/dev`, "utf8"));
  } catch {
    return null;
  }
}

/** The names in a /proc/net/dev table: two heading lines, then `name: counters` a line. */
export function parseInterfaces(table: string): readonly string[] {
  return table
    .split("\n")
    .slice(2)
    .map((line) => line.slice(0, Math.max(0, line.indexOf(":"))).trim())
    .filter((name) => name !== "");
}
