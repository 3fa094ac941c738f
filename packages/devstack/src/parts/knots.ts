// Unpacks Debian sid's bitcoin-knots, a derivative of Bitcoin Core, beside the machine's own packages: nothing is installed.

import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { exists, installationDirectory, installOnce } from "./cache.ts";
import { canFetchFromDebian, prepareApt } from "./debian.ts";
import { run } from "./executable.ts";
import type { Log } from "./find-part.ts";
import { PartError } from "./part-error.ts";

const PACKAGE = "bitcoin-knots";
const DOWNLOAD_WITHIN_MS = 300_000;
// Changes when what is done here changes; sid itself moves, so no version is pinned.
const RECIPE = "2";

type Platform = { readonly triplet: string; readonly loader: string };

const PLATFORMS: Readonly<Record<string, Platform>> = {
  x64: { triplet: "x86_64-linux-gnu", loader: "ld-linux-x86-64.so.2" },
  arm64: { triplet: "aarch64-linux-gnu", loader: "ld-linux-aarch64.so.1" },
};

/** The beginning of a command that runs bitcoind; null when this machine is no Debian that could fetch it. */
export async function findKnots(log: Log): Promise<(() => Promise<readonly string[]>) | null> {
  const platform = PLATFORMS[process.arch];
  if (process.platform !== "linux" || platform === undefined) return null;
  const installation = { name: PACKAGE, fingerprint: `${RECIPE} ${platform.triplet}` };
  if (!(await canFetchFromDebian()) && !(await exists(installationDirectory(installation)))) return null;
  return async () => {
    const directory = await installOnce({ ...installation, fill: (target) => fetchKnots(target, platform, log) });
    return bitcoindCommand(directory, platform);
  };
}

/** It runs through the loader and libraries that it was built against, not through the machine's older ones. */
function bitcoindCommand(directory: string, platform: Platform): readonly string[] {
  const libraries = join(directory, "lib");
  return [join(libraries, platform.loader), "--library-path", libraries, join(directory, "bitcoind")];
}

async function fetchKnots(target: string, platform: Platform, log: Log): Promise<void> {
  log("bitcoind: fetching Debian sid's bitcoin-knots (32 MB, this once)");
  const work = join(target, "work");
  const apt = await prepareApt(work, "sid");
  await run(["apt-get", ...apt, "-q", "update"], {
    purpose: "reading Debian sid's package list",
    withinMs: DOWNLOAD_WITHIN_MS,
  });
  const packages = parsePackageNames(
    await run(["apt-cache", ...apt, "depends", "--recurse", ...ONLY_DEPENDENCIES, PACKAGE], {
      purpose: `listing what ${PACKAGE} depends on`,
      withinMs: DOWNLOAD_WITHIN_MS,
    }),
  );
  const archives = join(work, "packages");
  await mkdir(archives);
  const download = ["apt-get", ...apt, "-q", "download", ...packages];
  await run(download, { purpose: `fetching ${PACKAGE}`, withinMs: DOWNLOAD_WITHIN_MS, cwd: archives });
  log("bitcoind: unpacking it");
  const root = join(work, "root");
  for (const archive of await readdir(archives)) {
    await run(["dpkg", "-x", join(archives, archive), root], {
      purpose: `unpacking ${archive}`,
      withinMs: DOWNLOAD_WITHIN_MS,
    });
  }
  await keepOnlyBitcoind(root, target, platform);
  await rm(work, { recursive: true, force: true });
}

const ONLY_DEPENDENCIES = [
  "--no-recommends",
  "--no-suggests",
  "--no-conflicts",
  "--no-breaks",
  "--no-replaces",
  "--no-enhances",
] as const;

/** apt-cache prints packages at the start of a line, their dependencies indented, and virtual packages in angle brackets. */
export function parsePackageNames(lines: string): readonly string[] {
  return [...new Set(lines.split("\n").filter((line) => /^[a-z0-9]/.test(line)))];
}

/** Of all that was unpacked only bitcoind, the loader and the libraries that it names are kept; set-user-id programs above all are not. */
async function keepOnlyBitcoind(root: string, target: string, platform: Platform): Promise<void> {
  const unpacked = join(root, "usr", "lib", platform.triplet);
  const bitcoind = join(root, "usr", "bin", "bitcoind");
  const listing = await run([join(unpacked, platform.loader), "--library-path", unpacked, "--list", bitcoind], {
    purpose: "listing bitcoind's libraries",
    withinMs: 30_000,
  });
  await mkdir(join(target, "lib"));
  for (const library of [join(unpacked, platform.loader), ...parseLibraries(listing)]) {
    await copyFile(library, join(target, "lib", basename(library)));
  }
  await copyFile(bitcoind, join(target, "bitcoind"));
}

/** The files in the loader's `name => file (address)` lines. */
export function parseLibraries(listing: string): readonly string[] {
  const missing = listing.split("\n").filter((line) => line.includes("not found"));
  if (missing.length > 0)
    throw new PartError("PART_NOT_INSTALLED", `bitcoind lacks libraries: ${missing.join(", ").trim()}`);
  return [...listing.matchAll(/=> (\/\S+) \(0x/g)].flatMap((match) => (match[1] === undefined ? [] : [match[1]]));
}
