// Takes note of what was started, says so when something ends by itself, and stops everything.

import type { Child } from "./child.ts";
import type { Log } from "./find-part.ts";

export type Running = {
  addChild<T extends { readonly child: Child }>(started: T): T;
  addContainer<T extends { stop(): Promise<void> }>(name: string, started: T): T;
  stopAll(): Promise<void>;
};

export function createRunning(log: Log): Running {
  const stops: { readonly name: string; readonly stop: () => Promise<unknown> }[] = [];
  return {
    addChild(started) {
      const { child } = started;
      stops.push({ name: child.name, stop: () => child.stop() });
      void child.exited.then((exit) => {
        if (exit.expected) return;
        log(`${child.name}: ENDED BY ITSELF (exit code ${exit.code}, signal ${exit.signal}). The end of its log:`);
        for (const line of child.tail().slice(-10)) log(`    ${line}`);
      });
      return started;
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
