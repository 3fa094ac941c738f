// The life of a process, watched from outside: what it says, in which order it stops, and with which code it ends.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Line, startChild } from "./child.ts";

const messages = (lines: readonly Line[]) => lines.map(({ msg }) => msg);
const sound = { SLUICE_PORT: "1", SLUICE_DATABASE_URL: "postgres://app@db/app", SLUICE_SECRETS: "fd:3" };

describe("config", () => {
  test("with faults ends with 78 and names them all, and nothing else was done", async () => {
    const env = { SLUICE_PORT: "x", SLUICE_TYPO: "1", SLUICE_DB_PASSWORD: "MATERIAL-env", SLUICE_POLL: "soon" };
    const { code, lines, output } = await startChild("config", { env }).ended;
    expect(code).toBe(78);
    expect(messages(lines)).toEqual([
      "SLUICE_DATABASE_URL: is missing",
      "SLUICE_DB_PASSWORD: is a secret: it belongs into the secrets, not the environment",
      "SLUICE_POLL: is a length of time such as 250ms, 30s, 5m, 2h or 1d",
      "SLUICE_PORT: is a whole number from 0 to 65535",
      "SLUICE_SECRETS: is missing",
      "SLUICE_TYPO: is not known here",
      "stopping",
      "stopped",
    ]);
    expect(output).not.toContain("MATERIAL");
  });

  test("with secrets that do not validate ends with 78 and shows none of them", async () => {
    const { code, lines, output } = await startChild("config", {
      env: sound,
      handed: '{"databasePassword":"MAT","more":"MATERIAL"}',
    }).ended;
    expect(code).toBe(78);
    expect(messages(lines)).toContain("secrets.databasePassword: Too small: expected string to have >=8 characters");
    expect(output).not.toContain("MAT");
  });

  test("that is sound is read, with secrets from descriptor 3, and a log of everything shows no secret", async () => {
    const handed = JSON.stringify({ databasePassword: "MATERIAL-one", apiToken: "MATERIAL-two" });
    const { code, lines, output } = await startChild("config", { env: sound, handed }).ended;
    expect(code).toBe(0);
    expect(lines[0]).toMatchObject({ msg: "configured", databasePassword: "[redacted]", secrets: "[redacted]" });
    expect(output).not.toContain("MATERIAL");
  });
});

describe("stopping", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("on %s is in reverse order, and the code is 0", async (signal) => {
    const child = startChild("serve");
    await child.said("ready");
    child.process.kill(signal);
    const { code, lines } = await child.ended;
    expect(code).toBe(0);
    expect(messages(lines)).toEqual([
      "ready",
      "stopping",
      "server stopped",
      "consumer stopped",
      "pool stopped",
      "stopped",
    ]);
    expect(lines[1]).toMatchObject({ reason: signal });
  });

  test("while starting stops what was begun", async () => {
    const child = startChild("slow-start");
    await child.said("starting");
    child.process.kill("SIGTERM");
    const { code, lines } = await child.ended;
    expect(code).toBe(0);
    expect(messages(lines)).toEqual([
      "starting",
      "stopping",
      "pool stopped",
      "starting ended early, as stopping had begun",
      "stopped",
    ]);
  });

  test("that takes too long ends with 1 and says what hung", async () => {
    const child = startChild("hang");
    await child.said("ready");
    child.process.kill("SIGTERM");
    const { code, lines } = await child.ended;
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({
      level: "fatal",
      hanging: "consumer",
      msg: "not stopped after 300 ms; consumer hung",
    });
  });

  test("that is asked for twice ends with 1 and says what hung", async () => {
    const child = startChild("hang");
    await child.said("ready");
    child.process.kill("SIGTERM");
    await child.said("stopping");
    child.process.kill("SIGINT");
    const { code, lines } = await child.ended;
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({
      level: "fatal",
      hanging: "consumer",
      msg: "SIGINT again while stopping; consumer hung",
    });
  });

  test("goes on past a part that fails to stop, and the code is 1", async () => {
    const child = startChild("bad-stop");
    await child.said("ready");
    child.process.kill("SIGTERM");
    const { code, lines } = await child.ended;
    expect(code).toBe(1);
    expect(messages(lines)).toEqual(["ready", "stopping", "consumer did not stop in order", "pool stopped", "stopped"]);
  });

  test("also stops what is begun meanwhile", async () => {
    const child = startChild("late-part");
    await child.said("ready");
    child.process.kill("SIGTERM");
    expect(messages((await child.ended).lines)).toEqual([
      "ready",
      "stopping",
      "server stopped",
      "begun while stopping stopped",
      "stopped",
    ]);
  });
});

describe("a process that is broken", () => {
  test("at its start stops what it had begun, and the code is 1", async () => {
    const { code, lines } = await startChild("no-start").ended;
    expect(code).toBe(1);
    expect(messages(lines)).toEqual(["did not start", "stopping", "pool stopped", "stopped"]);
    expect(lines[0]).toMatchObject({ level: "fatal", err: { message: "no database there" } });
  });

  test.each([
    ["rejection", "unhandled rejection", "nobody waits for me"],
    ["exception", "uncaught exception", "an invariant broke"],
  ])("by an unhandled %s ends with 1 and says why", async (behaviour, msg, message) => {
    const { code, lines } = await startChild(behaviour).ended;
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({ level: "fatal", service: "example", msg, err: { message } });
  });
});

describe("the log", () => {
  test("is one JSON object a line with service, level, time and what it is about, and none is lost at an exit", async () => {
    const { lines } = await startChild("log").ended;
    expect(lines).toHaveLength(2_002);
    expect(lines[0]).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: "example",
      withdrawalId: "w-1",
      transactionId: "ab",
      amountMinor: "7",
      msg: "about a withdrawal",
    });
    expect(lines[1]).toMatchObject({ msg: "no answer from postgres://app:[redacted]@db/app" });
    expect(lines.at(-1)).toMatchObject({ line: 1_999 });
  });

  test("has the level that the environment asks for", async () => {
    const { lines } = await startChild("warning", { env: { SLUICE_LOG_LEVEL: "warn" } }).ended;
    expect(lines.map(({ level }) => level)).toEqual(["warn"]);
    const child = startChild("serve", { env: { SLUICE_LOG_LEVEL: "debug" } });
    await child.said("ready");
    child.process.kill("SIGTERM");
    expect(messages((await child.ended).lines)).toContain("server is stopping");
  });

  test("holds the runtime's own warnings as lines of its own", async () => {
    const { lines } = await startChild("warning").ended;
    expect(lines).toContainEqual(
      expect.objectContaining({ level: "warn", err: expect.objectContaining({ message: "something is old" }) }),
    );
    expect(messages(lines).filter((msg) => msg?.startsWith("not JSON"))).toEqual([]);
  });
});

test("metrics keep no process from ending", async () => {
  expect(await startChild("metrics").ended).toMatchObject({ code: 0 });
});

test("SIGUSR1 opens no inspector", async () => {
  const child = startChild("serve");
  await child.said("ready");
  const before = listening(child.process.pid);
  child.process.kill("SIGUSR1");
  await child.said("SIGUSR1 does nothing here; the inspector stays closed");
  await sleep(200);
  expect(listening(child.process.pid)).toEqual(before);
  child.process.kill("SIGTERM");
  const { code, output } = await child.ended;
  expect(code).toBe(0);
  expect(output).not.toContain("Debugger");
});

/** Descriptors of the process that are sockets, from the kernel's own table. */
function listening(pid: number | undefined): readonly string[] {
  const tables = ["tcp", "tcp6"].map((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8"));
  // State 0A is LISTEN; 0x240D is port 9229, the inspector's own.
  return tables.flatMap((table) => table.split("\n")).filter((row) => /:240D 0+:0000 0A/.test(row));
}
