// The order of discovery.

import { expect, test } from "vitest";
import { findPart, type PartSources } from "./find-part.ts";

type Sources = Partial<Pick<PartSources<string>, "environment" | "docker" | "local">>;

async function find(sources: Sources): Promise<{ outcome: unknown; lines: readonly string[] }> {
  const lines: string[] = [];
  const all = { environment: null, docker: null, local: async () => null, ...sources };
  const outcome = await findPart({ name: "kafka", advice: "Install this or that.", ...all }, (line) =>
    lines.push(line),
  ).catch((error: unknown) => error);
  return { outcome, lines };
}

const serves = (what: string) => async () => what;
const fails = (why: string) => async (): Promise<string> => {
  throw new Error(why);
};

test("the environment goes before Docker, Docker before a local binary", async () => {
  const local = async () => serves("local part");
  const docker = serves("docker part");
  const environment = serves("environment part");
  expect((await find({ environment, docker, local })).outcome).toEqual({
    how: "environment",
    part: "environment part",
  });
  expect((await find({ docker, local })).outcome).toEqual({ how: "docker", part: "docker part" });
  expect((await find({ local })).outcome).toEqual({ how: "local", part: "local part" });
});

test("an address that was asked for and does not answer is an error, not a reason to take another", async () => {
  const { outcome } = await find({ environment: fails("nothing answers"), local: async () => serves("local part") });
  expect(outcome).toEqual(new Error("nothing answers"));
});

test("Docker that cannot serve is said aloud, and the local binary is taken", async () => {
  const { outcome, lines } = await find({ docker: fails("no such image"), local: async () => serves("local part") });
  expect(outcome).toEqual({ how: "local", part: "local part" });
  expect(lines.join("\n")).toContain("Docker answers and cannot serve it, trying a local binary (no such image)");
});

test("when nothing serves the error tells what to install and what was tried", async () => {
  const { outcome } = await find({ docker: fails("no such image") });
  expect(outcome).toMatchObject({ code: "PART_NOT_FOUND" });
  expect(String(outcome)).toContain("kafka: nothing on this machine can serve it. Install this or that.");
  expect(String(outcome)).toContain("Docker: no such image");
});

test("a local binary that fails to start is an error with its own words", async () => {
  expect((await find({ local: async () => fails("it ended early") })).outcome).toEqual(new Error("it ended early"));
});

test("the progress is told in plain words with seconds", async () => {
  const { lines } = await find({ local: async () => serves("local part") });
  expect(lines[0]).toBe("kafka: starting, with a local binary");
  expect(lines[1]).toMatch(/^kafka: ready after \d+\.\d s$/);
});
