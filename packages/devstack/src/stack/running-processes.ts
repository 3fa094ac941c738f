// The processes of a stack as they run: started, killed, started again; holders are unlocked whenever they come up.
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { PlayedCeremony } from "@sluice/ceremony";
import { HOLDERS, type Holder } from "@sluice/contracts";
import { type Child, startChild } from "../parts/child.ts";
import { plainEnvironment } from "../parts/executable.ts";
import type { Log } from "../parts/find-part.ts";
import {
  consoleSocketOf,
  FACADE,
  ONLINE_SERVICES,
  type OnlineService,
  OPTIONAL_SERVICES,
  type OptionalService,
  type ProcessName,
  planProcess,
  START_ORDER,
  type Surroundings,
} from "./processes.ts";

export type Processes = {
  readonly startAll: () => Promise<void>;
  /** With these settings beside its own, this time. */
  readonly start: (name: ProcessName, env?: Readonly<Record<string, string>>) => Promise<void>;
  /** A second instance of an online service, on ports of its own. */
  readonly startTwin: (name: OnlineService | OptionalService) => Promise<Child>;
  readonly kill: (name: ProcessName) => Promise<void>;
  readonly stopAll: () => Promise<void>;
  readonly of: (name: ProcessName) => Child;
  readonly logFileOf: (name: ProcessName) => string;
};

/** All processes start at once, on machines that may be busy. One that ends instead is noticed at once. */
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** @param optional services that this stack has beside those that every stack has */
export function createProcesses(
  around: Surroundings,
  optional: readonly (OptionalService | typeof FACADE)[],
  custody: PlayedCeremony,
  logs: string,
  log: Log,
): Processes {
  const children = new Map<ProcessName, Child>();
  const twins: Child[] = [];
  const of = (name: ProcessName): Child => {
    const child = children.get(name);
    if (child === undefined) throw new Error(`${name} was never started`);
    return child;
  };
  const logFileOf = (name: ProcessName) => join(logs, `${name}.log`);
  const spawn = (name: ProcessName, logFile: string, env: Readonly<Record<string, string>>): Promise<Child> => {
    const plan = planProcess(name, around);
    return startChild({
      name,
      command: [process.execPath, ...plan.flags, plan.main],
      env: { ...environmentOf(name), ...plan.env, ...env },
      logFile,
      ready: { kind: "line", pattern: /"msg":"ready"/ },
      readyWithinMs: READY_WITHIN_MS,
      confinement: { withoutNetwork: plan.withoutNetwork },
      inputs: [JSON.stringify(plan.secrets)],
    });
  };
  const start: Processes["start"] = async (name, env = {}) => {
    const startedAtMs = Date.now();
    children.set(name, await spawn(name, logFileOf(name), env));
    log(`${name}: ready after ${((Date.now() - startedAtMs) / 1_000).toFixed(1)} s`);
    const holder = HOLDERS.find((each) => each === name);
    if (holder !== undefined) await unlock(holder, around, custody, log);
  };
  return {
    of,
    logFileOf,
    start,
    startTwin: async (name) => {
      const ports = { SLUICE_HTTP_PORT: "0", ...(name === "online-risk" ? { SLUICE_API_PORT: "0" } : {}) };
      const twin = await spawn(name, join(logs, `${name}-twin-${twins.length}.log`), ports);
      twins.push(twin);
      return twin;
    },
    kill: async (name) => {
      of(name).process.kill("SIGKILL");
      await of(name).exited;
    },
    startAll: async () => {
      const results = await Promise.allSettled([...START_ORDER, ...optional].map((name) => start(name)));
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      for (const name of [...ONLINE_SERVICES, ...optional]) await waitUntilReady(name, around.ports[name]);
    },
    stopAll: async () => {
      await Promise.all([...children.values(), ...twins].map((child) => child.stop()));
    },
  };
}

/** A process that is up may still wait for another: vault for its line to the zone. Whoever gets a stack may use all of it. */
async function waitUntilReady(name: ProcessName, port: number): Promise<void> {
  const startedAtMs = Date.now();
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    const text = await answer.text();
    if (answer.ok) return;
    if (Date.now() - startedAtMs > READY_WITHIN_MS) throw new Error(`${name} does not become ready: ${text}`);
    await setTimeout(LOOK_EVERY_MS);
  }
}

/**
 * What a semi-offline process runs comes from its own code, and from no folder that others write to: what it compiled is in
 * one of its own name. The online services share theirs.
 */
export function environmentOf(name: ProcessName, plain = plainEnvironment()): Record<string, string> {
  const { NODE_COMPILE_CACHE: shared, ...rest } = plain;
  if (shared === undefined) return rest;
  const isOnline = ([...ONLINE_SERVICES, ...OPTIONAL_SERVICES, FACADE] as readonly ProcessName[]).includes(name);
  return { ...rest, NODE_COMPILE_CACHE: isOnline ? shared : `${shared}-${name}` };
}

/** The stack plays the custodians: each opens the own share and feeds it at the holder's console. */
async function unlock(holder: Holder, around: Surroundings, custody: PlayedCeremony, log: Log): Promise<void> {
  const came: string[] = [];
  await custody.unlock(holder, consoleSocketOf(around.consoleDirectory, holder), (name) => came.push(name));
  log(`${holder}: locked → ${came.length} of ${custody.custodians.length} custodians (${came.join(", ")}) → serving`);
}
