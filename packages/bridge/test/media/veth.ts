// Two network namespaces with one cable between them and no IP address in either (veth(4), network_namespaces(7)).
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { systemError } from "../../src/carrier-error.ts";
import { type EthernetSocket, openEthernetSocket } from "../../src/ethernet-socket.ts";
import type { Libc } from "../../src/libc.ts";

const CLONE_NEWNET = 0x4000_0000;

export type Side = "left" | "right";

export interface Cable {
  /** Runs something synchronous in the namespace of one end, programs that it starts included. */
  inside<T>(side: Side, act: () => T): T;
  /** How a carrier opens its socket there. The interface has the name of its side. */
  openSocket(side: Side): (libc: Libc, name: string) => EthernetSocket;
  end(): void;
}

/**
 * A namespace belongs to a thread: this one visits the others and comes back before anything else runs. Throws where the
 * process may not make namespaces.
 */
export function layCable(): Cable {
  const home = openNamespace();
  const spaces = { left: makeNamespace(), right: makeNamespace() };
  enter(home);
  const inside = <T>(side: Side, act: () => T): T => {
    enter(spaces[side]);
    try {
      return act();
    } finally {
      enter(home);
    }
  };
  const end = (): void => {
    for (const descriptor of [home, spaces.left, spaces.right]) closeSync(descriptor);
  };
  try {
    const there = `/proc/${process.pid}/fd/${spaces.right}`;
    inside("left", () => ip("link", "add", "left", "type", "veth", "peer", "name", "right", "netns", there));
    // Without this the kernel would give each end an IPv6 address of its own making.
    for (const side of ["left", "right"] as const)
      inside(side, () => ip("link", "set", side, "addrgenmode", "none", "up"));
  } catch (error) {
    end();
    throw error;
  }
  return {
    inside,
    openSocket: (side) => (libc, name) => inside(side, () => openEthernetSocket(libc, name)),
    end,
  };
}

export function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

function makeNamespace(): number {
  const result: number = koffi.load(null).func("int unshare(int)")(CLONE_NEWNET);
  if (result !== 0) throw systemError("unshare", koffi.errno());
  return openNamespace();
}

function openNamespace(): number {
  return openSync("/proc/thread-self/ns/net", "r");
}

function enter(namespace: number): void {
  const result: number = koffi.load(null).func("int setns(int, int)")(namespace, CLONE_NEWNET);
  if (result !== 0) throw systemError("setns", koffi.errno());
}
