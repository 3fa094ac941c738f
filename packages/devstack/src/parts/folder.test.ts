// The temporary folder: made, passed through, removed, and swept when its owner was killed.

import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFolder } from "./folder.ts";

let base = "";
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "sluice-folder-test-"));
});
afterEach(() => rm(base, { recursive: true, force: true }));

test("others may pass through and not look around; removal takes everything", async () => {
  const folder = await createFolder(base);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o711);
  await mkdir(join(folder.path, "data"));
  await writeFile(join(folder.path, "data", "file"), "content");
  await folder.remove();
  expect(await readdir(base)).toEqual([]);
});

test("a folder whose owner is gone is removed, one whose owner lives or is out of sight is not", async () => {
  const here = await readlink("/proc/self/ns/pid");
  const gone = spawnSync("true").pid;
  const leave = async (name: string, owner: unknown): Promise<void> => {
    await mkdir(join(base, name));
    await writeFile(join(base, name, "owner.json"), JSON.stringify(owner));
  };
  await leave("sluice-parts-abandoned", { pid: gone, pidNamespace: here });
  await leave("sluice-parts-living", { pid: process.pid, pidNamespace: here });
  await leave("sluice-parts-elsewhere", { pid: gone, pidNamespace: "pid:[1]" });
  await leave("sluice-parts-unreadable", "nonsense");
  await leave("somebody-elses", { pid: gone, pidNamespace: here });
  const folder = await createFolder(base);
  await folder.remove();
  expect((await readdir(base)).sort()).toEqual([
    "sluice-parts-elsewhere",
    "sluice-parts-living",
    "sluice-parts-unreadable",
    "somebody-elses",
  ]);
});
