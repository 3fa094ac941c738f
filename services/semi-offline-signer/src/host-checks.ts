// What could look into this process's memory is shut out or refused before the key comes.
import { readFileSync } from "node:fs";
import { url as inspectorUrl } from "node:inspector";
import { hardenProcess } from "@sluice/keys";
import type { ConfigFault, Environment } from "@sluice/runtime";
import { whereMemoryIsSwapped } from "./swap.ts";

/**
 * Closes this process's memory to others and tells every fault of its surroundings; empty when the key may come. First
 * the memory is closed, then it is asked who traces: nobody can begin to between the two.
 */
export function hostFaults(env: Environment, flags: readonly string[]): readonly ConfigFault[] {
  const open = hardenProcess();
  const revealing = flags.filter((flag) => REVEALING_FLAG.test(flag));
  return [
    ...open.map((rule) => ({ name: "process", rule })),
    ...(env["NODE_OPTIONS"]?.trim() ? [{ name: "NODE_OPTIONS", rule: "is not set for a key holder" }] : []),
    ...revealing.map((flag) => ({ name: flag, rule: "would show this process's memory" })),
    ...(inspectorUrl() === undefined ? [] : [{ name: "inspector", rule: "is closed" }]),
    ...(tracer() === "0" ? [] : [{ name: "TracerPid", rule: "nobody traces a key holder" }]),
    ...swapFaults(env),
  ];
}

/** Started with these, Node opens its inspector for no signal and makes no code from text, from its first moment on. */
export function missingFlags(flags: readonly string[]): readonly string[] {
  return ["--disable-sigusr1", "--disallow-code-generation-from-strings"].filter((flag) => !flags.includes(flag));
}

const REVEALING_FLAG = /^--(cpu-prof|debug|diagnostic-dir|heap-?prof|heapsnapshot|inspect|prof|report|trace)/;

function tracer(): string {
  return /^TracerPid:\s+([0-9]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "unknown";
}

/** The key's own page is locked and never swapped; what surrounds it is not. Only a test network may be careless there. */
function swapFaults(env: Environment): readonly ConfigFault[] {
  const said = env["SLUICE_SWAP"] ?? "none";
  if (said === "encrypted" || (said === "tolerated" && env["SLUICE_NETWORK"] === "regtest")) return [];
  const where = whereMemoryIsSwapped();
  if (where === null) return [];
  return [{ name: "SLUICE_SWAP", rule: `is "encrypted", or this machine swaps nothing out: ${where}` }];
}
