// Supervision, tried on real processes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChildOptions, startChild } from "./child.ts";
import { plainEnvironment } from "./executable.ts";
import { PartError } from "./part-error.ts";
import { isRunning, waitUntilGone } from "./process-state.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-child-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function shell(script: string, more: Partial<ChildOptions> = {}): ChildOptions {
  return {
    name: "a child",
    command: ["sh", "-c", script],
    env: plainEnvironment(),
    logFile: join(folder, "child.log"),
    ready: { kind: "line", pattern: /^ready$/ },
    readyWithinMs: 20_000,
    ...more,
  };
}

async function failureOf(options: ChildOptions): Promise<PartError> {
  const outcome = await startChild(options).catch((error: unknown) => error);
  if (outcome instanceof PartError) return outcome;
  throw new Error(`expected a PartError, got ${String(outcome)}`);
}

/** The process id that a script printed as `pid N`, out of an error's log lines. */
function printedPid(text: string): number {
  const match = /pid (\d+)/.exec(text);
  if (match === null) throw new Error(`no process id in: ${text}`);
  return Number(match[1]);
}

describe("becoming ready", () => {
  test("by a line of its output, on either stream", async () => {
    for (const stream of ["1", "2"]) {
      const child = await startChild(shell(`echo first; echo ready >&${stream}; exec sleep 60`));
      expect(isRunning(child.pid)).toBe(true);
      await child.stop();
      expect(isRunning(child.pid)).toBe(false);
    }
  });

  test("by a probe that is asked until it says yes", async () => {
    let asked = 0;
    const probe = async (): Promise<boolean> => {
      asked += 1;
      return asked === 3;
    };
    const child = await startChild(shell("exec sleep 60", { ready: { kind: "probe", probe } }));
    expect(asked).toBe(3);
    await child.stop();
  });

  test("never: the error says so with the end of the log, and nothing is left running", async () => {
    const logFile = join(folder, "never-ready.log");
    const error = await failureOf(
      shell("echo pid $$; for i in $(seq 50); do echo line $i; done; exec sleep 60", { readyWithinMs: 3_000, logFile }),
    );
    expect(error.code).toBe("PART_NOT_READY");
    expect(error.message).toMatch(/^a child was not ready after \d+\.\d s\./);
    expect(error.message).toContain("    line 50");
    expect(error.message).not.toContain("    line 2\n");
    expect(isRunning(printedPid(await readFile(logFile, "utf8")))).toBe(false);
  });

  test("not: it ended early, with its exit code and its last words", async () => {
    const error = await failureOf(shell("echo cannot open the door >&2; exit 7"));
    expect(error.code).toBe("PART_ENDED_EARLY");
    expect(error.message).toMatch(/^a child ended before it was ready \(exit code 7, after \d+\.\d s\)\./);
    expect(error.message).toContain("    cannot open the door");
  });

  test("not: it ended early without a word, by a signal", async () => {
    const error = await failureOf(shell("kill -9 $$"));
    expect(error.code).toBe("PART_ENDED_EARLY");
    expect(error.message).toContain("(signal SIGKILL");
    expect(error.message).toContain("It printed nothing.");
  });

  test("not: there is no such program", async () => {
    const error = await failureOf(shell("", { command: ["/no/such/program"] }));
    expect(["PART_NOT_STARTED", "PART_ENDED_EARLY"]).toContain(error.code);
    expect(error.message).toContain("/no/such/program");
  });
});

describe("stopping", () => {
  test("one that ignores SIGTERM is killed after the grace", async () => {
    const child = await startChild(
      shell("trap '' TERM; echo ready; while :; do sleep 0.1; done", { stopGraceMs: 300 }),
    );
    const startedAtMs = Date.now();
    const exit = await child.stop();
    expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(290);
    expect(exit).toEqual({ code: null, signal: "SIGKILL", expected: true });
    expect(isRunning(child.pid)).toBe(false);
  });

  test("one that takes its time within the grace ends by itself, and stopping twice is stopping once", async () => {
    const child = await startChild(shell("trap 'sleep 0.3; exit 5' TERM; echo ready; while :; do sleep 0.1; done"));
    const [first, second] = await Promise.all([child.stop(), child.stop()]);
    expect(first).toEqual({ code: 5, signal: null, expected: true });
    expect(second).toBe(first);
    expect(await child.stop()).toBe(first);
  });

  test("an end that nobody asked for is told apart", async () => {
    const child = await startChild(shell("echo ready; sleep 0.2; exit 3"));
    expect(await child.exited).toEqual({ code: 3, signal: null, expected: false });
    expect((await child.stop()).expected).toBe(false);
  });
});

test("what it prints is kept in the file and handed on line by line", async () => {
  const lines: string[] = [];
  const logFile = join(folder, "kept.log");
  const child = await startChild(
    shell("echo one; echo two >&2; echo ready; exec sleep 60", { logFile, onLine: (line) => lines.push(line) }),
  );
  await child.stop();
  expect(lines).toContain("one");
  expect(child.tail()).toContain("two");
  const kept = await readFile(logFile, "utf8");
  for (const line of ["one", "two", "ready"]) expect(kept.split("\n")).toContain(line);
});

test("it gets the environment and the inputs that it was given, and nothing else", async () => {
  process.env["SLUICE_CHILD_TEST"] = "inherited";
  const child = await startChild(
    shell('echo "fd3=$(cat <&3) fd4=$(cat <&4) given=$GIVEN inherited=$SLUICE_CHILD_TEST"; echo ready; exec sleep 60', {
      env: { ...plainEnvironment(), GIVEN: "yes" },
      inputs: ["first secret", new TextEncoder().encode("second")],
    }),
  );
  delete process.env["SLUICE_CHILD_TEST"];
  await child.stop();
  expect(child.tail()).toContain("fd3=first secret fd4=second given=yes inherited=");
});

describe("the end of the process that started it", () => {
  // Stands for the stack: starts one child, says its process id, and stays.
  const module = fileURLToPath(new URL("./child.ts", import.meta.url));
  const parentScript = (last: string): string => `
    import { startChild } from ${JSON.stringify(module)};
    const child = await startChild({
      name: "orphan to be", command: ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"],
      env: { PATH: process.env.PATH }, logFile: ${JSON.stringify(join(folder, "orphan.log"))},
      ready: { kind: "line", pattern: /ready/ }, readyWithinMs: 20000,
    });
    console.log("pid " + child.pid);
    ${last}`;

  async function runParent(last: string): Promise<{ childPid: number; parent: ReturnType<typeof spawn> }> {
    const parent = spawn(process.execPath, ["--input-type=module", "-e", parentScript(last)], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [said] = await once(parent.stdout, "data");
    return { childPid: printedPid(String(said)), parent };
  }

  test("killed with SIGKILL: the kernel ends the child", async () => {
    const { childPid, parent } = await runParent("setInterval(() => undefined, 1000);");
    expect(isRunning(childPid)).toBe(true);
    parent.kill("SIGKILL");
    expect(await waitUntilGone(childPid, 5_000)).toBe(true);
  });

  test("it exits without stopping anything: the child ends with it", async () => {
    const { childPid } = await runParent("setTimeout(() => process.exit(0), 200);");
    expect(await waitUntilGone(childPid, 5_000)).toBe(true);
  });

  test("it fails with an error that nobody handles: the child ends with it", async () => {
    const { childPid } = await runParent("setTimeout(() => { throw new Error('planned'); }, 200);");
    expect(await waitUntilGone(childPid, 5_000)).toBe(true);
  });
});
