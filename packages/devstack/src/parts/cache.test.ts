// The cache of what was downloaded: complete or absent, also with two starts at once.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheRoot, installOnce } from "./cache.ts";

let root = "";
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "sluice-cache-test-")), "cache");
});
afterEach(() => rm(join(root, ".."), { recursive: true, force: true }));

test("the root follows the XDG specification", () => {
  expect(cacheRoot({ XDG_CACHE_HOME: "/somewhere" })).toBe("/somewhere/sluice");
  for (const env of [{}, { XDG_CACHE_HOME: "" }, { XDG_CACHE_HOME: "relative" }]) {
    expect(cacheRoot(env)).toBe(join(homedir(), ".cache", "sluice"));
  }
});

test("it is filled once, and anew for another fingerprint", async () => {
  let fills = 0;
  const fill = async (directory: string): Promise<void> => {
    fills += 1;
    await writeFile(join(directory, "file"), `${fills}`);
  };
  const first = await installOnce({ name: "thing", fingerprint: "1", fill }, root);
  expect(await installOnce({ name: "thing", fingerprint: "1", fill }, root)).toBe(first);
  const second = await installOnce({ name: "thing", fingerprint: "2", fill }, root);
  expect(second).not.toBe(first);
  expect(await readFile(join(first, "file"), "utf8")).toBe("1");
  expect(fills).toBe(2);
});

test("two at once both get one finished folder, and nothing unfinished stays", async () => {
  const fill = (text: string) => async (directory: string) => {
    await writeFile(join(directory, "one"), text);
    await delay(50);
    await writeFile(join(directory, "two"), text);
  };
  const [first, second] = await Promise.all([
    installOnce({ name: "thing", fingerprint: "1", fill: fill("a") }, root),
    installOnce({ name: "thing", fingerprint: "1", fill: fill("b") }, root),
  ]);
  expect(second).toBe(first);
  expect(await readdir(root)).toHaveLength(1);
  const contents = await Promise.all(["one", "two"].map((name) => readFile(join(first, name), "utf8")));
  expect(contents[0]).toBe(contents[1]);
});

test("a failure leaves nothing behind and is not remembered", async () => {
  const fill = async (directory: string): Promise<void> => {
    await writeFile(join(directory, "half"), "");
    throw new Error("the line was cut");
  };
  await expect(installOnce({ name: "thing", fingerprint: "1", fill }, root)).rejects.toThrow("the line was cut");
  expect(await readdir(root)).toEqual([]);
  const directory = await installOnce({ name: "thing", fingerprint: "1", fill: async () => undefined }, root);
  expect(await readdir(directory)).toEqual([]);
});
