// Whether the semi-offline zone has no IP, counted in the kernel's tables for every process of it.

import { proveZone, type Stack } from "@sluice/devstack";

export function describeIsolation(stack: Pick<Stack, "isolation" | "zoneProcesses">): readonly string[] {
  if (!stack.isolation.noIp) return [`NOT ISOLATED: ${stack.isolation.detail}`];
  const { processes, namespaces, descriptors, sockets, unixSockets, hidden, found } = proveZone(stack.zoneProcesses);
  const own = processes.filter(({ name }) => name.startsWith("semi-offline"));
  const database = processes.length - own.length;
  return [
    `the semi-offline zone, by the kernel's tables (/proc/<pid>/net, every descriptor): ${processes.length} processes ` +
      `(${own.map(({ name, pid }) => `${name} ${pid}`).join(", ")}, ` +
      `${database === 0 ? "its Postgres cannot be looked at from here" : `${database} of its Postgres`}) ` +
      `in ${namespaces} network namespaces`,
    `  ${descriptors} descriptors, ${sockets} of them sockets, ${unixSockets} of these AF_UNIX; ` +
      `interfaces that are up, addresses, routes and IP sockets found: ${found.length}`,
    ...(hidden.length === 0 ? [] : [`  not counted, since only root may look into them: ${hidden.join(", ")}`]),
    ...found.map((what) => `  NOT ISOLATED: ${what}`),
  ];
}
