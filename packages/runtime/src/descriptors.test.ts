// Inherited descriptors: real ones, handed to a real process, which lets go of them and goes on.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "descriptors-"));
afterAll(() => rmSync(folder, { recursive: true }));

const MODULE = JSON.stringify(new URL("./descriptors.ts", import.meta.url).href);
const SCRIPT = `
  import { readSync, readdirSync } from "node:fs";
  import net from "node:net";
  const { closeInherited } = await import(${MODULE});
  const before = readdirSync("/proc/self/fd").length;
  const closed = closeInherited({ warn() {} }, { SLUICE_SECRETS_SOURCE: "fd:3" });
  const after = readdirSync("/proc/self/fd").length;
  const bytes = Buffer.alloc(7);
  readSync(3, bytes);
  const again = closeInherited({ warn() {} }, { SLUICE_SECRETS_SOURCE: "fd:3" });
  // Timers, threads and sockets of its own still work.
  await new Promise((resolve) => setTimeout(resolve, 5));
  await (await import("node:fs/promises")).readdir("/");
  await new Promise((resolve) => net.createServer().listen(${JSON.stringify(join(folder, "socket"))}, resolve));
  console.log(JSON.stringify({ closed, gone: before - after, secrets: bytes.toString(), again }));
  process.exit(0);`;

test("a process lets go of a pipe, a file, a device and a listening socket that its starter left open, and keeps its secrets", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { fd: listening } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const [file, device] = [openSync(join(folder, "file"), "w"), openSync("/dev/zero", "r")];
  const child = spawn(process.execPath, ["--input-type=module", "-e", SCRIPT], {
    stdio: ["ignore", "pipe", "inherit", "pipe", "pipe", file, device, listening],
  });
  const secrets = child.stdio[3];
  if (secrets !== null && "write" in (secrets ?? {})) (secrets as NodeJS.WritableStream).end("secrets");
  let said = "";
  child.stdout?.on("data", (piece: Buffer) => {
    said += piece.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  server.close();
  closeSync(file);
  closeSync(device);
  expect(code).toBe(0);
  const { closed, gone, secrets: kept, again } = JSON.parse(said) as Record<string, unknown> & { closed: string[] };
  const handed = closed.filter((one) => /^[4-7]: /.test(one));
  expect(handed).toEqual([
    expect.stringMatching(/^4: (socket|pipe):/),
    `5: ${join(folder, "file")}`,
    "6: /dev/zero",
    expect.stringMatching(/^7: socket:/),
  ]);
  expect({ gone, kept, again }).toEqual({ gone: closed.length, kept: "secrets", again: [] });
});
