// The Unix-socket carriers on real sockets and real files.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Carrier } from "../src/carrier.ts";
import { BridgeError } from "../src/errors.ts";
import { unixConnector } from "../src/unix-connector.ts";
import { unixListener } from "../src/unix-listener.ts";
import { type Watched, watchCarrier } from "./watched-carrier.ts";

let folder = "";
let path = "";
let carriers: Carrier[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bridge-"));
  path = join(folder, "a.sock");
});

afterEach(async () => {
  await Promise.all(carriers.map((carrier) => carrier.close()));
  carriers = [];
  rmSync(folder, { recursive: true });
});

function watch(carrier: Carrier): Watched {
  carriers.push(carrier);
  return watchCarrier(carrier);
}

test("bytes go both ways, and closing either end is noticed at the other", async () => {
  const listener = watch(unixListener(path));
  const connector = watch(unixConnector(path));
  await Promise.all([listener.until("connected"), connector.until("connected")]);
  listener.connections[0]?.write(Buffer.from("down"));
  connector.connections[0]?.write(Buffer.from("up"));
  await Promise.all([listener.untilReceived(2), connector.untilReceived(4)]);
  expect([listener.received().toString(), connector.received().toString()]).toEqual(["up", "down"]);
  await connector.carrier.close();
  await listener.until("closed");
});

test("the socket file is the owner's alone, and closing removes it", async () => {
  const umask = process.umask();
  const listener = watch(unixListener(path));
  const connector = watch(unixConnector(path));
  await connector.until("connected");
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(umask);
  await listener.carrier.close();
  expect(existsSync(path)).toBe(false);
});

test("a connector waits for its listener and finds it again after each cut", async () => {
  const connector = watch(unixConnector(path));
  await connector.until("failed ENOENT");
  const first = watch(unixListener(path));
  await connector.until("connected");
  await first.carrier.close();
  await connector.until("closed");
  const second = watch(unixListener(path));
  await Promise.all([second.until("connected"), connector.until("connected", 2)]);
});

test("a socket file left behind by a killed process is replaced", async () => {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.stdout.write("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(lstatSync(path).isSocket()).toBe(true);
  const listener = watch(unixListener(path));
  watch(unixConnector(path));
  await listener.until("connected");
});

test("a socket that another process serves is left alone, reported, and taken over once it is free", async () => {
  const server: Server = createServer((socket) => socket.destroy()).listen(path);
  await once(server, "listening");
  const listener = watch(unixListener(path));
  await listener.until("failed PATH_IN_USE");
  expect(server.listening).toBe(true);
  server.close();
  watch(unixConnector(path));
  await listener.until("connected");
});

test("a file of another kind is left alone and reported", async () => {
  writeFileSync(path, "precious");
  const listener = watch(unixListener(path));
  await listener.until("failed PATH_NOT_A_SOCKET");
  await listener.carrier.close();
  expect(readFileSync(path, "utf8")).toBe("precious");
});

test("a folder that is not there is reported, and used once it is", async () => {
  const missing = join(folder, "missing");
  const listener = watch(unixListener(join(missing, "a.sock")));
  const connector = watch(unixConnector(join(missing, "a.sock")));
  await Promise.race(["failed ENOENT", "failed EACCES"].map((line) => listener.until(line)));
  mkdirSync(missing);
  await connector.until("connected");
});

test("a second peer is turned away while the first stays, and served once the first is gone", async () => {
  const listener = watch(unixListener(path));
  const first = watch(unixConnector(path));
  await first.until("connected");
  await listener.until("connected");
  const second = createConnection({ path });
  await once(second, "close");
  await listener.until("turned away");
  first.connections[0]?.write(Buffer.from("still here"));
  await listener.untilReceived("still here".length);
  await first.carrier.close();
  await listener.until("closed");
  const third = watch(unixConnector(path));
  await third.until("connected");
  third.connections[0]?.write(Buffer.from("now me"));
  await listener.untilReceived("still herenow me".length);
});

test("a listener whose socket file somebody removed makes it anew", async () => {
  const listener = watch(unixListener(path));
  const connector = watch(unixConnector(path));
  await Promise.all([listener.until("connected"), connector.until("connected")]);
  unlinkSync(path);
  connector.connections[0]?.close();
  await listener.until("closed");
  await connector.until("failed ENOENT");
  await Promise.all([listener.until("connected", 2), connector.until("connected", 2)]);
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
});

test("a path that cannot name a socket is refused at once", () => {
  for (const wrong of ["", `/${"x".repeat(107)}`, "/a\0b"]) {
    expect(() => unixListener(wrong)).toThrow(BridgeError);
    expect(() => unixConnector(wrong)).toThrow(expect.objectContaining({ code: "BRIDGE_OPTIONS_INVALID" }));
  }
});

test("closing before anything happened leaves nothing", async () => {
  const listener = watch(unixListener(path));
  const connector = watch(unixConnector(join(folder, "b.sock")));
  await Promise.all([listener.carrier.close(), connector.carrier.close()]);
  expect(existsSync(path)).toBe(false);
});
