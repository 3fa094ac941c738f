// Keeps what a process prints: all of it in a file, the last lines in memory, each line to who listens.

import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export type ChildLog = {
  attach(stream: Readable): void;
  tail(): readonly string[];
  /** Calls back for every line from now on, and for those still in memory; returns the way to stop that. */
  listen(onLine: (line: string) => void): () => void;
  close(): void;
};

const TAIL_LINES = 30;

export function openChildLog(file: string): ChildLog {
  const target = createWriteStream(file, { flags: "a", mode: 0o600 });
  // The folder may be gone before the last line is written; a log that cannot be kept must not end the stack.
  target.on("error", () => undefined);
  const tail: string[] = [];
  const listeners = new Set<(line: string) => void>();

  function take(line: string): void {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    for (const listener of listeners) listener(line);
  }

  return {
    attach(stream) {
      stream.pipe(target, { end: false });
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", take);
    },
    tail: () => [...tail],
    listen(onLine) {
      for (const line of tail) onLine(line);
      listeners.add(onLine);
      return () => listeners.delete(onLine);
    },
    close: () => target.end(),
  };
}
