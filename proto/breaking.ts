// Compares proto/ with the last commit that had another one, so that no change breaks a reader of what was written before.
import { execFileSync, spawnSync } from "node:child_process";

const base = findBase();
if (base === undefined) {
  process.stdout.write("proto: no earlier version to compare with\n");
} else {
  const against = `.git#ref=${base},subdir=proto`;
  const { status } = spawnSync("buf", ["breaking", "proto", "--against", against], { stdio: "inherit" });
  process.stdout.write(status === 0 ? `proto: compatible with ${base.slice(0, 12)}\n` : "proto: breaks a reader\n");
  process.exitCode = status ?? 1;
}

/** Uncommitted changes are compared with HEAD; a clean tree with the commit before the last one that changed proto/. */
function findBase(): string | undefined {
  const dirty = git("status", "--porcelain", "--", "proto") !== "";
  if (dirty) return hasProto("HEAD") ? git("rev-parse", "HEAD") : undefined;
  const last = git("log", "-1", "--format=%H", "--", "proto/sluice");
  const parent = git("rev-parse", "--quiet", "--verify", `${last}^`);
  return parent !== "" && hasProto(parent) ? parent : undefined;
}

function hasProto(commit: string): boolean {
  return git("ls-tree", "--name-only", commit, "proto/sluice") !== "";
}

function git(...args: readonly string[]): string {
  try {
    return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
