// Keeps what was downloaded once, for every later start of every clone on this machine.

import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export type Installation = {
  readonly name: string;
  /** Everything that the result depends on; another fingerprint is another folder. */
  readonly fingerprint: string;
  /** Fills an empty folder. It may fail or be killed half way: the folder counts only once it has its final name. */
  readonly fill: (directory: string) => Promise<void>;
};

/** The XDG base directory specification: a relative XDG_CACHE_HOME is to be ignored. */
export function cacheRoot(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const configured = env["XDG_CACHE_HOME"];
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), ".cache");
  return join(base, "sluice");
}

/** The folder of a finished installation; fills it first when it is not there yet. Two at once are safe: the first to finish wins. */
export async function installOnce(installation: Installation, root: string = cacheRoot()): Promise<string> {
  const final = installationDirectory(installation, root);
  if (await exists(final)) return final;
  await mkdir(root, { recursive: true });
  const unfinished = await mkdtemp(join(root, `.unfinished-${installation.name}-`));
  try {
    await installation.fill(unfinished);
    await rename(unfinished, final);
  } catch (error) {
    if (!(await exists(final))) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return final;
}

export function installationDirectory(
  installation: Pick<Installation, "name" | "fingerprint">,
  root: string = cacheRoot(),
): string {
  const hash = createHash("sha256").update(installation.fingerprint).digest("hex").slice(0, 16);
  return join(root, `${installation.name}-${hash}`);
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
