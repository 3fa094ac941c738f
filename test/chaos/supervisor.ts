// Keeps every process and part of a stack running, as init or an orchestrator would, and hurts them when told to.
import { setTimeout as delay } from "node:timers/promises";
import type { PartProcess, Parts, ProcessName, Stack } from "@sluice/devstack";
import { type PartTarget, TARGETS, type Target } from "./plan.ts";
import { isGone, signalAll, stateOf, treeOf } from "./processes.ts";

export type Fired = { readonly atMs: number; readonly upMs: number };

export type Supervisor = {
  /** SIGKILL, confirmed by the kernel; resolves when it is up again. Waits first until it is up. */
  readonly kill: (target: Target) => Promise<Fired>;
  /** SIGSTOP, confirmed by the kernel, and SIGCONT after so long. Whatever it had started is stopped too. */
  readonly pause: (target: Target, forMs: number) => Promise<Fired>;
  readonly pidOf: (target: Target) => number;
  /** What ended without having been told to, with what it said last. */
  readonly endedByThemselves: () => readonly string[];
  /** Nothing is started any more; resolves when nothing is being started. */
  readonly stop: () => Promise<void>;
};

export type SupervisorOptions = {
  readonly stack: Stack;
  readonly parts: Parts;
  readonly log: (line: string) => void;
  /** Called when a part is up again, before anybody is told so. */
  readonly afterRestart?: Partial<Record<PartTarget, () => Promise<void>>>;
};

/** The first; each further one waits a little longer, so that what cannot start leaves the machine to the others. */
const RETRY_AFTER_MS = 100;
const LONGEST_RETRY_MS = 1_000;
const LOOK_EVERY_MS = 20;

type Unit = { readonly pid: () => number; readonly kill: () => Promise<void>; readonly start: () => Promise<void> };

export function startSupervisor(options: SupervisorOptions): Supervisor {
  const { log } = options;
  const stopping = new AbortController();
  const ended: string[] = [];
  const targets = TARGETS.filter((target) => !(target in options.parts) || isOwn(options, target));
  const units = new Map(targets.map((target) => [target, unitOf(options, target)]));
  /** While it is being killed, started or paused; whoever comes next waits for it. */
  const busy = new Map<Target, Promise<unknown>>();
  const watching = watch();

  return {
    kill: (target) => alone(target, () => killed(target)),
    pause: (target, forMs) => alone(target, () => paused(target, forMs)),
    pidOf: (target) => unit(target).pid(),
    endedByThemselves: () => ended,
    stop: async () => {
      stopping.abort();
      await watching;
      await Promise.allSettled(busy.values());
    },
  };

  function unit(target: Target): Unit {
    const found = units.get(target);
    if (found === undefined) throw new Error(`nobody knows ${target}`);
    return found;
  }

  function alone<T>(target: Target, work: () => Promise<T>): Promise<T> {
    const next = (busy.get(target) ?? Promise.resolve()).then(work);
    busy.set(
      target,
      next.catch(() => undefined),
    );
    return next;
  }

  async function killed(target: Target): Promise<Fired> {
    const { pid, kill } = unit(target);
    const before = pid();
    const atMs = Date.now();
    await kill();
    if (!isGone(before)) throw new Error(`${target} was killed and process ${before} still runs`);
    await startUntilUp(target);
    return { atMs, upMs: Date.now() };
  }

  /** A start that fails because something else is away is tried again, for as long as it takes. */
  async function startUntilUp(target: Target): Promise<void> {
    for (let tries = 1; !stopping.signal.aborted; tries += 1) {
      try {
        // One that came up and could not be made to serve is no better than none.
        if (!isGone(unit(target).pid())) await unit(target).kill();
        await unit(target).start();
        await options.afterRestart?.[target as PartTarget]?.();
        return;
      } catch (error) {
        if (tries % 20 === 0) log(`${target}: does not start after ${tries} tries: ${String(error).slice(0, 2_000)}`);
        await delay(Math.min(tries * RETRY_AFTER_MS, LONGEST_RETRY_MS));
      }
    }
  }

  async function paused(target: Target, forMs: number): Promise<Fired> {
    const pid = unit(target).pid();
    const atMs = Date.now();
    const tree = treeOf(pid);
    signalAll(tree, "SIGSTOP");
    try {
      // The signal is delivered at once; that the kernel shows it takes a moment on a busy machine.
      for (let looks = 0; stateOf(pid) !== "T"; looks += 1) {
        if (looks > 100) throw new Error(`${target} was stopped and process ${pid} is in state ${stateOf(pid)}`);
        await delay(LOOK_EVERY_MS);
      }
      await delay(forMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    } finally {
      signalAll(tree, "SIGCONT");
    }
    return { atMs, upMs: Date.now() };
  }

  /** What ends without our doing comes back like what was killed, and is told of in the end. */
  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      for (const target of targets) {
        const pid = unit(target).pid();
        if (!isGone(pid)) continue;
        void alone(target, async () => {
          if (unit(target).pid() !== pid || stopping.signal.aborted) return;
          const said = tailOf(options, target);
          ended.push(`${target}: ${said}`);
          log(`${target}: ENDED BY ITSELF, and is started again: ${said}`);
          await startUntilUp(target);
        });
        // Not looked at again before that is over.
        await busy.get(target);
      }
      await delay(10 * LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
}

function isOwn({ parts }: SupervisorOptions, target: Target): boolean {
  return parts[target as PartTarget].process !== undefined;
}

function unitOf({ stack, parts }: SupervisorOptions, target: Target): Unit {
  if (target in parts) {
    const { process } = parts[target as PartTarget];
    if (process === undefined) throw new Error(`${target} is not a process of this run, so it cannot be killed`);
    return process satisfies PartProcess;
  }
  const name = target as ProcessName;
  return {
    pid: () => stack.processOf(name).pid,
    kill: () => stack.kill(name),
    start: () => stack.restart(name),
  };
}

function tailOf({ stack, parts }: SupervisorOptions, target: Target): string {
  return target in parts
    ? "a part"
    : stack
        .processOf(target as ProcessName)
        .tail()
        .slice(-3)
        .join(" | ")
        .slice(0, 1_500);
}
