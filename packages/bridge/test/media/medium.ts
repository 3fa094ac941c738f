// A medium to try carriers on: what joins two ends here, and what can be expected of it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Carrier } from "../../src/carrier.ts";

export interface Medium {
  /** The end that listens, where there is such an end. */
  left(): Carrier;
  right(): Carrier;
  /** Somebody else comes while both are there; what left then reports, or the third's own carrier does. */
  readonly third?: {
    come(): Carrier | undefined;
    readonly reportedBy: "left" | "third";
    readonly line: string;
  };
  /** Carriers that cannot open, and the code of each. */
  readonly failures: readonly { readonly what: string; readonly carrier: () => Carrier; readonly code: string }[];
  end(): Promise<void>;
}

export interface MediumKind {
  readonly name: string;
  /** How the end that stays learns that the other has gone. */
  readonly peerGone: "noticed" | "noticed on the next write" | "left to the link";
  /** Why it cannot be tried here, or undefined. */
  unavailable(): Promise<string | undefined>;
  open(): Promise<Medium>;
}

export interface Folder {
  path(name: string): string;
  end(): void;
}

export function makeFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), "bridge-"));
  return { path: (name) => join(folder, name), end: () => rmSync(folder, { recursive: true, force: true }) };
}

export function isRoot(): boolean {
  return /^Uid:\t0\t/m.test(readFileSync("/proc/self/status", "utf8"));
}
