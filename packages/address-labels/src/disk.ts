// The effects on disk by which a store changes, one by one, so that a test can end the process at each of them.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export type Disk = {
  /** A new file; what is there of that name is replaced. */
  readonly create: (path: string) => number;
  readonly write: (file: number, bytes: Uint8Array, position: number) => void;
  readonly sync: (file: number) => void;
  readonly close: (file: number) => void;
  /** Also makes the folder durable: the name counts from here on. */
  readonly rename: (from: string, to: string) => void;
  readonly remove: (path: string) => void;
};

export const DISK: Disk = {
  create: (path) => openSync(path, "w", 0o640),
  write: (file, bytes, position) => {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(file, bytes, done, bytes.length - done, position + done);
    }
  },
  sync: fsyncSync,
  close: closeSync,
  rename: (from, to) => {
    renameSync(from, to);
    syncFolder(dirname(to));
  },
  remove: (path) => rmSync(path, { force: true }),
};

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
