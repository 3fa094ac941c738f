// The order in which a part is found: its address in the environment, then Docker, then a local binary.

import { PartError } from "./part-error.ts";

export type How = "environment" | "docker" | "local";
export type Log = (line: string) => void;

export type PartSources<T> = {
  readonly name: string;
  /** Null when the environment names no address. An address that does not answer is an error: it is what was asked for. */
  readonly environment: (() => Promise<T>) | null;
  /** Null when no Docker engine answers. */
  readonly docker: (() => Promise<T>) | null;
  /** Null when nothing local can serve. */
  readonly local: () => Promise<(() => Promise<T>) | null>;
  /** What to install or to set, said when nothing serves. */
  readonly advice: string;
};

export type Found<T> = { readonly how: How; readonly part: T };

export async function findPart<T>(sources: PartSources<T>, log: Log): Promise<Found<T>> {
  const { name } = sources;
  if (sources.environment !== null)
    return { how: "environment", part: await timed(name, "environment", sources.environment, log) };
  const faults: string[] = [];
  if (sources.docker !== null) {
    try {
      return { how: "docker", part: await timed(name, "docker", sources.docker, log) };
    } catch (error) {
      faults.push(`Docker: ${describe(error)}`);
      log(`${name}: Docker answers and cannot serve it, trying a local binary (${describe(error)})`);
    }
  }
  const local = await sources.local();
  if (local !== null) return { how: "local", part: await timed(name, "local", local, log) };
  const tried = faults.length === 0 ? "" : ` What was tried: ${faults.join("; ")}.`;
  throw new PartError("PART_NOT_FOUND", `${name}: nothing on this machine can serve it. ${sources.advice}${tried}`);
}

const HOW_IN_WORDS: Readonly<Record<How, string>> = {
  environment: "the address in the environment",
  docker: "Docker",
  local: "a local binary",
};

async function timed<T>(name: string, how: How, start: () => Promise<T>, log: Log): Promise<T> {
  const startedAtMs = Date.now();
  log(`${name}: starting, with ${HOW_IN_WORDS[how]}`);
  const part = await start();
  log(`${name}: ready after ${((Date.now() - startedAtMs) / 1_000).toFixed(1)} s`);
  return part;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
