// The distribution's own libsecp256k1, for the holders that do not run the npm package's: found, or fetched once.

import { copyFile, mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { installationDirectory, installOnce } from "./cache.ts";
import { canFetchFromDebian, ownRelease, prepareApt } from "./debian.ts";
import { run } from "./executable.ts";
import type { Log } from "./find-part.ts";
import { PartError } from "./part-error.ts";

/** With `path`, or with the reason why this machine has none. */
export type CurveLibrary = { readonly path: string } | { readonly missing: string };

const NAME = "libsecp256k1";
const FETCH_WITHIN_MS = 120_000;
// Changes when what is done here changes.
const RECIPE = "1";

/** What the system has counts first; then what was fetched before; then Debian's archive. Never an error: see `missing`. */
export async function findCurveLibrary(log: Log): Promise<CurveLibrary> {
  const installed = await searchSystem(["/usr/lib", "/usr/local/lib"]);
  if (installed !== null) return { path: installed };
  const release = await ownRelease();
  if (release === null || !(await canFetchFromDebian())) {
    return { missing: `the system has no ${NAME}, and it is no Debian that could fetch it` };
  }
  const installation = { name: NAME, fingerprint: `${RECIPE} ${release} ${process.arch}` };
  try {
    await installOnce({ ...installation, fill: (target) => fetchLibrary(target, release, log) });
    return { path: join(installationDirectory(installation), `${NAME}.so`) };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** Numbers name incompatible releases of its interface; 0 is from before its first release. */
const SHARED_OBJECT = /^libsecp256k1\.so\.[1-9][0-9]*$/;

/** Directly in these folders, or in those of a platform one below. */
export async function searchSystem(folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const below = entries.filter((entry) => entry.isDirectory() && entry.name.includes("-linux-"));
    for (const place of [folder, ...below.map(({ name }) => join(folder, name))]) {
      const names = await readdir(place).catch(() => []);
      const found = names.filter((name) => SHARED_OBJECT.test(name)).sort();
      const last = found.at(-1);
      if (last !== undefined) return realpath(join(place, last));
    }
  }
  return null;
}

async function fetchLibrary(target: string, release: string, log: Log): Promise<void> {
  log(`curve: fetching Debian ${release}'s ${NAME} (1 MB, this once)`);
  const work = join(target, "work");
  const apt = await prepareApt(work, release);
  const within = { withinMs: FETCH_WITHIN_MS };
  await run(["apt-get", ...apt, "-q", "update"], { purpose: `reading Debian ${release}'s package list`, ...within });
  const found = await run(["apt-cache", ...apt, "search", "--names-only", `^${NAME}-[1-9][0-9]*$`], {
    purpose: `looking for ${NAME}`,
    ...within,
  });
  const name = found
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter(Boolean)
    .sort()
    .at(-1);
  if (name === undefined) throw new PartError("PART_NOT_INSTALLED", `Debian ${release} has no ${NAME}`);
  const archives = join(work, "packages");
  await mkdir(archives);
  await run(["apt-get", ...apt, "-q", "download", name], { purpose: `fetching ${name}`, cwd: archives, ...within });
  const root = join(work, "root");
  for (const archive of await readdir(archives)) {
    await run(["dpkg", "-x", join(archives, archive), root], { purpose: `unpacking ${archive}`, ...within });
  }
  const unpacked = await searchSystem([join(root, "usr", "lib")]);
  if (unpacked === null || !(await stat(unpacked)).isFile()) {
    throw new PartError("PART_NOT_INSTALLED", `${name} holds no ${NAME}`);
  }
  await copyFile(unpacked, join(target, `${NAME}.so`));
  await rm(work, { recursive: true, force: true });
}
