// A port that was found is nobody else's until its server has had the time to bind it.
import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findFreePorts } from "./ports.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ports-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("are distinct however many look at once, also for whoever looks a moment later", async () => {
  const found = await Promise.all(Array.from({ length: 60 }, () => findFreePorts(20, folder)));
  // Drawn without promises, 1,200 of 20,000 ports are never distinct.
  expect(new Set(found.flat()).size).toBe(1_200);
  expect((await readdir(folder)).length).toBe(1_200);
  expect(new Set([...found.flat(), ...(await findFreePorts(100, folder))]).size).toBe(1_300);
});

it("are free again after a while, unless somebody listens", async () => {
  const long = new Date(Date.now() - 121_000);
  for (const name of await readdir(folder)) await utimes(join(folder, name), long, long);
  const [port = 0] = await findFreePorts(1, folder);
  expect(await readdir(folder)).toEqual([String(port)]);
  const server = createServer().listen(port, "127.0.0.1");
  await utimes(join(folder, String(port)), long, long);
  expect(await findFreePorts(100, folder)).not.toContain(port);
  server.close();
});

it("are found also where nothing can be written", async () => {
  expect(new Set(await findFreePorts(3, join("/dev/null", "nowhere")))).toHaveLength(3);
});
