// Whether the semi-offline zone has no IP, asked of the kernel for every process of it.

import { HOLDERS } from "@sluice/contracts";
import { networkInterfacesOf, type ProcessName, type Stack } from "@sluice/devstack";

const ZONE: readonly ProcessName[] = ["semi-offline-risk", ...HOLDERS];

export function describeIsolation(stack: Stack): readonly string[] {
  if (!stack.isolation.noIp) return [`NOT ISOLATED: ${stack.isolation.detail}`];
  return ZONE.map((name) => {
    const { pid } = stack.processOf(name);
    const interfaces = networkInterfacesOf(pid);
    return `${name}: the kernel shows process ${pid} these network interfaces: ${interfaces?.join(", ") ?? "unknown"} (lo is down)`;
  });
}
