// The one temporary folder in which all parts keep their data, and its removal.

import { rmSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning } from "./process-state.ts";

const PREFIX = "sluice-parts-";
const OWNER_FILE = "owner.json";

export type Folder = { readonly path: string; remove(): Promise<void> };

/** A new folder, removed at the latest when this process exits. Folders of stacks that were killed are removed first. */
export async function createFolder(base: string = tmpdir()): Promise<Folder> {
  await removeAbandoned(base);
  const path = await mkdtemp(join(base, PREFIX));
  await writeFile(join(path, OWNER_FILE), JSON.stringify(await describeOwner()), { mode: 0o600 });
  // A server that runs as another user must be able to pass through to its own subfolder, and cannot list what else is here.
  await chmod(path, 0o711);
  const removeNow = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.once("exit", removeNow);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      process.off("exit", removeNow);
    },
  };
}

type Owner = { readonly pid: number; readonly pidNamespace: string };

async function describeOwner(): Promise<Owner> {
  return { pid: process.pid, pidNamespace: await pidNamespace() };
}

/** Process ids mean something only within their namespace: two containers can share a folder for temporary files. */
function pidNamespace(): Promise<string> {
  return readlink("/proc/self/ns/pid").catch(() => "");
}

async function removeAbandoned(base: string): Promise<void> {
  const here = await pidNamespace();
  const names = (await readdir(base)).filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const owner = await readOwner(join(base, name));
    if (owner === null || owner.pidNamespace !== here || isRunning(owner.pid)) continue;
    // Somebody else may be removing it too, and another user's folder cannot be removed at all: neither concerns this start.
    await rm(join(base, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function readOwner(directory: string): Promise<Owner | null> {
  try {
    const owner: unknown = JSON.parse(await readFile(join(directory, OWNER_FILE), "utf8"));
    if (typeof owner !== "object" || owner === null || !("pid" in owner) || !("pidNamespace" in owner)) return null;
    if (typeof owner.pid !== "number" || typeof owner.pidNamespace !== "string") return null;
    return { pid: owner.pid, pidNamespace: owner.pidNamespace };
  } catch {
    return null;
  }
}
