// Takes note of what was started, says so when something ends by itself, and stops everything.

import type { Child } from "./child.ts";
import type { Log } from "./find-part.ts";

/** A part that runs as a process of our own: it can be killed, and started again on the same port and data. */
export type PartProcess = {
  readonly pid: () => number;
  /** SIGKILL; resolves when the process is gone. What it had started itself may live on for a moment. */
  readonly kill: () => Promise<void>;
  /** Resolves when it is ready again. Rejects when it ended instead, after which it may be tried once more. */
  readonly start: () => Promise<void>;
};

/** What starting a part gives: its process, and the way to have that once more. */
export type Restartable = { readonly child: Child; readonly again: () => Promise<Child> };

export type Running = {
  addChild<T extends Restartable>(started: T): T & { readonly process: PartProcess };
  addContainer<T extends { stop(): Promise<void> }>(name: string, started: T): T;
  stopAll(): Promise<void>;
};

export function createRunning(log: Log): Running {
  const stops: { readonly name: string; readonly stop: () => Promise<unknown> }[] = [];

  function watch(child: Child, wasKilled: () => boolean): void {
    void child.exited.then((exit) => {
      if (exit.expected || wasKilled()) return;
      log(`${child.name}: ENDED BY ITSELF (exit code ${exit.code}, signal ${exit.signal}). The end of its log:`);
      for (const line of child.tail().slice(-10)) log(`    ${line}`);
    });
  }

  return {
    addChild(started) {
      let child = started.child;
      const killed = new Set<Child>();
      const follow = (): void => {
        const now = child;
        watch(now, () => killed.has(now));
      };
      follow();
      stops.push({ name: child.name, stop: () => child.stop() });
      const process: PartProcess = {
        pid: () => child.pid,
        kill: async () => {
          killed.add(child);
          child.process.kill("SIGKILL");
          await child.exited;
        },
        start: async () => {
          child = await started.again();
          follow();
        },
      };
      return { ...started, process };
    },
    addContainer(name, started) {
      stops.push({ name, stop: () => started.stop() });
      return started;
    },
    async stopAll() {
      // The parts do not know of each other, so none has to wait for another.
      const results = await Promise.allSettled(stops.splice(0).map(({ stop }) => stop()));
      for (const result of results) {
        if (result.status === "rejected") log(`a part could not be stopped: ${String(result.reason)}`);
      }
    },
  };
}
