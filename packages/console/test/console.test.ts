// The console over a real socket: asked, cut off, flooded, fed with rubbish, and taken over from a process that is gone.
import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answered, type Console, callConsole, refusedAs, type ServeOptions, serveConsole } from "../src/index.ts";

let folder = "";
let path = "";
let served: Console[] = [];
let lines: string[] = [];
const PAYLOAD = Buffer.from("a payload that nobody may find in a log");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "console-"));
  path = join(folder, "own", "console.sock");
  lines = [];
});

afterEach(async () => {
  await Promise.all(served.map((each) => each.close()));
  served = [];
  rmSync(folder, { recursive: true });
});

let atOnce = 0;
let mostAtOnce = 0;

async function serve(changes: Partial<ServeOptions> = {}): Promise<Console> {
  const keep = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  const console = await serveConsole({
    path,
    logger: { info: keep, error: keep },
    commands: {
      echo: (input, binary) => answered(input, Buffer.from(binary)),
      refuse: () => refusedAs("NOT_NOW", "not now"),
      throw: () => {
        throw new Error("broken inside");
      },
      slow: async () => {
        atOnce += 1;
        mostAtOnce = Math.max(mostAtOnce, atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce -= 1;
        return answered({});
      },
    },
    ...changes,
  });
  served.push(console);
  return console;
}

test("a request and its bytes are answered, and neither is in the log", async () => {
  await serve();
  const answer = await callConsole(path, "echo", { word: PAYLOAD.toString() }, PAYLOAD);
  expect(answer).toEqual({ ok: true, output: { word: PAYLOAD.toString() }, binary: PAYLOAD });
  expect(await callConsole(path, "refuse")).toEqual({ ok: false, code: "NOT_NOW", message: "not now" });
  expect(await callConsole(path, "throw")).toMatchObject({ ok: false, code: "CONSOLE_FAILED" });
  expect(await callConsole(path, "toString")).toMatchObject({ ok: false, code: "CONSOLE_COMMAND_UNKNOWN" });
  expect(lines.join("\n")).toContain('"command":"echo"');
  expect(lines.join("\n")).not.toContain(PAYLOAD.toString());
});

test("only its owner gets at it", async () => {
  await serve();
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  expect(lstatSync(join(folder, "own")).mode & 0o777).toBe(0o700);
  const wide = join(folder, "wide");
  mkdirSync(wide);
  chmodSync(wide, 0o750);
  await expect(serve({ path: join(wide, "console.sock") })).rejects.toMatchObject({ code: "CONSOLE_DIRECTORY_OPEN" });
  await expect(serve({ path: "console.sock" })).rejects.toMatchObject({ code: "CONSOLE_PATH_INVALID" });
});

test("a second process does not take it over, a socket left behind is replaced, another file is left alone", async () => {
  await serve();
  await expect(serve()).rejects.toMatchObject({ code: "CONSOLE_PATH_TAKEN" });
  const left = join(folder, "own", "left.sock");
  const script = `require("net").createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, "SIGKILL"))`;
  expect(spawnSync(process.execPath, ["-e", script]).signal).toBe("SIGKILL");
  await serve({ path: left });
  expect(await callConsole(left, "refuse")).toMatchObject({ code: "NOT_NOW" });
  const file = join(folder, "own", "file");
  writeFileSync(file, "");
  await expect(serve({ path: file })).rejects.toMatchObject({ code: "CONSOLE_PATH_TAKEN" });
});

test("requests are worked on one after the other, and too many are turned away", async () => {
  await serve();
  mostAtOnce = 0;
  const answers = await Promise.all(Array.from({ length: 24 }, () => callConsole(path, "slow")));
  const codes = new Set(answers.map((answer) => (answer.ok ? "done" : answer.code)));
  expect(mostAtOnce).toBe(1);
  expect(codes.has("done")).toBe(true);
  expect([...codes].filter((code) => code !== "done" && code !== "CONSOLE_BUSY")).toEqual([]);
});

test("what cannot be sent or answered within the bounds says so on either end", async () => {
  await serve({ limits: { binaryBytes: 8 } });
  expect(await callConsole(path, "echo", {}, Buffer.alloc(70_000))).toMatchObject({ code: "CONSOLE_FRAME_TOO_LARGE" });
  expect(await callConsole(path, "echo", {}, Buffer.alloc(9))).toMatchObject({ code: "CONSOLE_FRAME_TOO_LARGE" });
  expect(await callConsole(join(folder, "nobody.sock"), "echo")).toMatchObject({ code: "CONSOLE_UNREACHABLE" });
});

test("a caller that does not go on is not waited for, and one that ends early is told", async () => {
  await serve({ requestWithinMs: 50 });
  expect(await raw(Buffer.from("SLC1"), false)).toContain("CONSOLE_TIMEOUT");
  expect(await raw(Buffer.from("SLC1"), true)).toContain("CONSOLE_CUT");
});

test("rubbish of every kind leaves it serving, and it answers each", async () => {
  await serve();
  let answeredWithCode = 0;
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, framed) => {
      const head = Buffer.alloc(12);
      head.write("SLC1", "latin1");
      head.writeUInt32BE(bytes.length, 4);
      const said = await raw(framed ? Buffer.concat([head, bytes]) : Buffer.from(bytes), true);
      if (/"code":"CONSOLE_(FRAME_INVALID|FRAME_TOO_LARGE|CUT)"/.test(said)) answeredWithCode += 1;
    }),
    { numRuns: 300 },
  );
  expect(answeredWithCode).toBe(300);
  expect(await callConsole(path, "refuse")).toMatchObject({ code: "NOT_NOW" });
});

/** Everything that the console says to these bytes. */
function raw(bytes: Buffer, end: boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    let said = "";
    socket.on("data", (piece: Buffer) => {
      said += piece.toString("latin1");
    });
    socket.once("error", () => resolve(said));
    socket.once("end", () => {
      socket.destroy();
      resolve(said);
    });
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}
