// What a stack says of the network that its semi-offline processes have.
import type { Stack } from "./stack.ts";

export function describeIsolation(isolated: boolean): Stack["isolation"] {
  return isolated
    ? { noIp: true, detail: "semi-offline processes run in network namespaces without interfaces" }
    : { noIp: false, detail: "this machine permits no network namespace: semi-offline processes share its network" };
}
