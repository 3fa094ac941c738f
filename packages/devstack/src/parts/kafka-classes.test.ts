// Without an archive of its classes Kafka starts all the same, and somebody is told why.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { classArchiveFlags } from "./kafka-classes.ts";

it.each([
  ["Java does not answer", "/nonexistent/java", "asking Java for its version"],
  ["the broker does not start", "/bin/true", "no broker today"],
])("when %s there are no flags, and nothing is kept that would count as an archive", async (_, java, told) => {
  const libraries = await mkdtemp(join(tmpdir(), "no-jars-"));
  const said: string[] = [];
  const start = () => Promise.reject(new Error("no broker today"));
  try {
    const ask = () => classArchiveFlags({ java, libraries, start, log: (line) => void said.push(line) });
    expect([await ask(), await ask()]).toEqual([[], []]);
  } finally {
    await rm(libraries, { recursive: true });
  }
  expect(said.filter((line) => line.includes(told))).toHaveLength(2);
});
