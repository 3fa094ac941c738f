// Programs on PATH, and those that finish by themselves.

import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findExecutable, plainEnvironment, run } from "./executable.ts";
import { findFreePorts } from "./ports.ts";

test("a program is found by name on the path or by its own path, and only when it may be run", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-executable-test-"));
  const file = join(folder, "program");
  await writeFile(file, "#!/bin/sh\n", { mode: 0o644 });
  expect(findExecutable("program", `/no/such:${folder}`)).toBeNull();
  await chmod(file, 0o755);
  expect(findExecutable("program", `/no/such:${folder}`)).toBe(file);
  expect(findExecutable(file, "")).toBe(file);
  expect(findExecutable("program", "/no/such")).toBeNull();
  await rm(folder, { recursive: true });
});

test("what a program printed is returned, and told when it fails", async () => {
  expect(await run(["sh", "-c", "echo out"], { purpose: "x", withinMs: 10_000 })).toBe("out\n");
  await expect(
    run(["sh", "-c", "echo out; echo err >&2; exit 3"], { purpose: "unpacking it", withinMs: 10_000 }),
  ).rejects.toMatchObject({
    code: "PART_NOT_INSTALLED",
    message: "unpacking it failed: \n    out\n    err",
  });
  await expect(run(["/no/such/program"], { purpose: "x", withinMs: 10_000 })).rejects.toThrow("ENOENT");
});

test("parts see nothing of the environment but the path, and the folder for compiled code", () => {
  const seen = { PATH: "/p", LANG: "C.UTF-8", TZ: "UTC" };
  expect(plainEnvironment({ PATH: "/p", PGPORT: "1", SECRET: "s" })).toEqual(seen);
  expect(plainEnvironment({ PATH: "/p", NODE_COMPILE_CACHE: "/c" })).toEqual({ ...seen, NODE_COMPILE_CACHE: "/c" });
});

test("free ports are distinct and below those of outgoing connections", async () => {
  const ports = await findFreePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});
