// Reads Debian's archive with apt as an ordinary reader of it: lists and caches of our own, nothing is installed.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "./cache.ts";
import { findExecutable, run } from "./executable.ts";
import { PartError } from "./part-error.ts";

const KEYRINGS = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/debian-archive-keyring.pgp",
] as const;

export async function canFetchFromDebian(): Promise<boolean> {
  const isDebian = (await ownRelease()) !== null;
  return isDebian && findExecutable("apt-get") !== null && findExecutable("dpkg") !== null;
}

/** The code name of this machine's own Debian release ("bookworm", "sid" where none is named); null on no Debian. */
export async function ownRelease(): Promise<string | null> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID=debian$/m.test(text)) return null;
  return /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1] ?? "sid";
}

/** Options that give apt its own lists, caches and one source, so that the machine's own package state is not touched. */
export async function prepareApt(work: string, release: string): Promise<readonly string[]> {
  const lists = join(work, "lists");
  const cache = join(work, "cache");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(cache, "archives", "partial"), { recursive: true });
  const targets = await run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(RELEASE) $(REPO_URI)"], {
    purpose: "asking apt for this machine's Debian repository",
    withinMs: 30_000,
  });
  const repository = parseRepository(targets);
  const keyring = (await Promise.all(KEYRINGS.map(async (file) => ((await exists(file)) ? file : null)))).find(
    (file) => file !== null,
  );
  if (repository === null)
    throw new PartError("PART_NOT_INSTALLED", "apt knows no Debian repository (run apt-get update once)");
  if (keyring === undefined)
    throw new PartError("PART_NOT_INSTALLED", "the package debian-archive-keyring is not installed");
  const sources = join(work, "sources.list");
  await writeFile(sources, `deb [signed-by=${keyring}] ${repository} ${release} main\n`);
  const settings = {
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": lists,
    "Dir::Cache": cache,
    // As root, apt would become a user who may not write below our folder.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** The address of the machine's main Debian archive out of `origin release address` lines; the security archive has not all of a release. */
export function parseRepository(lines: string): string | null {
  for (const line of lines.split("\n")) {
    const [origin, release, address] = line.split(" ");
    if (origin === "Debian" && release !== undefined && !release.endsWith("-security") && address) return address;
  }
  return null;
}
