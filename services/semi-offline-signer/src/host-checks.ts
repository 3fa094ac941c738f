// What could look into this process's memory is refused before the key comes.
import { readFileSync } from "node:fs";
import { url as inspectorUrl } from "node:inspector";
import type { ConfigFault, Environment } from "@sluice/runtime";

/** Every fault of the surroundings; empty when the key may come. */
export function hostFaults(env: Environment, flags: readonly string[]): readonly ConfigFault[] {
  const revealing = flags.filter((flag) => REVEALING_FLAG.test(flag));
  return [
    ...(env["NODE_OPTIONS"]?.trim() ? [{ name: "NODE_OPTIONS", rule: "is not set for a key holder" }] : []),
    ...revealing.map((flag) => ({ name: flag, rule: "would show this process's memory" })),
    ...(inspectorUrl() === undefined ? [] : [{ name: "inspector", rule: "is closed" }]),
    ...(tracer() === "0" ? [] : [{ name: "TracerPid", rule: "nobody traces a key holder" }]),
  ];
}

const REVEALING_FLAG = /^--(inspect|debug|heapsnapshot|heap-prof|cpu-prof|report|diagnostic-dir|trace)/;

function tracer(): string {
  return /^TracerPid:\s+([0-9]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "unknown";
}
