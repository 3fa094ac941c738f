// The kernel's tables of real processes: what has IP is found however it got it, and what has none is not.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { inspectSockets, ipSocketsOf } from "./kernel-sockets.ts";

const folder = mkdtempSync(join(tmpdir(), "sockets-"));
afterAll(() => rmSync(folder, { recursive: true }));
const WITHOUT_NETWORK = [
  ["unshare", "-n"],
  ["unshare", "-rn"],
].find(([program = "", flag = ""]) => spawnSync(program, [flag, "true"]).status === 0);
const because = WITHOUT_NETWORK === undefined ? " (skipped: this machine permits no network namespace)" : "";

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

describe(`the sockets of a process${because}`, () => {
  it.skipIf(because !== "").each([
    ["a TCP server of the machine", [], `net.createServer().listen(0, "127.0.0.1", ready)`, "tcp"],
    ["a TCP server for IPv6 and IPv4", [], `net.createServer().listen(0, ready)`, "tcp6?"],
    ["a UDP socket of the machine", [], `dgram.createSocket("udp4").bind(0, ready)`, "udp"],
    ["a UDP socket without any interface", WITHOUT_NETWORK ?? [], `dgram.createSocket("udp4").bind(0, ready)`, "udp"],
  ])("%s is found", async (_, before, does, family) => {
    const [found] = inspectSockets([await start(before, does)]);
    expect(found?.descriptors).toBeGreaterThan(3);
    expect(found && ipSocketsOf(found).map((socket) => socket.family)).toEqual([expect.stringMatching(`^${family}$`)]);
    expect(found?.ipLines.length).toBeGreaterThan(0);
  });

  it.skipIf(because !== "")("an IP socket that was handed down into an empty namespace is found", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
    const [found] = inspectSockets([await start(WITHOUT_NETWORK ?? [], "setTimeout(ready)", fd)]);
    server.close();
    expect(found?.ipLines).toEqual([]);
    expect(found && ipSocketsOf(found)).toMatchObject([{ descriptor: 3, family: "tcp", foreign: true }]);
  });

  it.skipIf(because !== "")("a Unix socket in an empty namespace is nothing but that", async () => {
    const path = join(folder, "socket");
    const [found] = inspectSockets([
      await start(WITHOUT_NETWORK ?? [], `net.createServer().listen(${JSON.stringify(path)}, ready)`),
    ]);
    expect(found && ipSocketsOf(found)).toEqual([]);
    expect(found?.ipLines).toEqual([]);
    expect(found?.sockets).toContainEqual(expect.objectContaining({ family: "unix", foreign: false, path }));
  });
});

async function start(before: readonly string[], does: string, handedDown?: number): Promise<number> {
  const script = `const net = require("node:net"), dgram = require("node:dgram");
    const ready = () => process.stdout.write("ready\\n"); setInterval(() => {}, 1e9); ${does}`;
  const [program = "", ...args] = [...before, process.execPath, "-e", script];
  const stdio = ["ignore", "pipe", "inherit", ...(handedDown === undefined ? [] : [handedDown])] as const;
  const child = spawn(program, args, { stdio: [...stdio] });
  children.push(child);
  if (child.stdout !== null) await once(child.stdout, "data");
  return child.pid ?? 0;
}
