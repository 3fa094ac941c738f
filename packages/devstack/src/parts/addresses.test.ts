// Addresses of parts: read, checked, and written for a shell.

import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  parseBrokers,
  parseSocketDirectory,
  parseTcpDatabase,
  readAddresses,
  renderEnvironmentFile,
  requireListener,
} from "./addresses.ts";
import { findFreePorts } from "./ports.ts";
import { socketUrl } from "./postgres-socket.ts";

test("only the four variables are read, and an empty one is none", () => {
  expect(readAddresses({ KAFKA_BROKERS: "a:1", DATABASE_URL: "", PATH: "/bin", BITCOIN_RPC_URL: "http://b" })).toEqual({
    KAFKA_BROKERS: "a:1",
    BITCOIN_RPC_URL: "http://b",
  });
});

test.each([
  ["a:1", [{ host: "a", port: 1 }]],
  [
    "a:9092, b.c:9093",
    [
      { host: "a", port: 9092 },
      { host: "b.c", port: 9093 },
    ],
  ],
])("brokers %s", (value, expected) => {
  expect(parseBrokers(value)).toEqual(expected);
});

test.each(["a", "a:", ":1", "a:1,", "a:1 b:2", "http://a:1"])("no brokers: %s", (value) => {
  expect(() => parseBrokers(value)).toThrow(/^KAFKA_BROKERS: ".*" is not host:port$/);
});

test("a database over TCP has a host, one over a socket has a folder, and each refuses the other", () => {
  const tcp = "postgres://postgres:secret@127.0.0.1:5433/postgres";
  const socket = "postgres:///postgres?host=/var/run/postgresql&user=postgres";
  expect(parseTcpDatabase(tcp)).toEqual({ host: "127.0.0.1", port: 5433 });
  expect(parseTcpDatabase("postgresql://db/x")).toEqual({ host: "db", port: 5432 });
  expect(parseSocketDirectory(socket)).toBe("/var/run/postgresql");
  for (const wrong of [socket, "127.0.0.1:5432", "mysql://a/b", ""])
    expect(() => parseTcpDatabase(wrong)).toThrow("DATABASE_URL: expected");
  for (const wrong of [tcp, "postgres:///x?host=127.0.0.1", ""])
    expect(() => parseSocketDirectory(wrong)).toThrow("a Unix socket");
});

test("a complaint about an address never shows its password", () => {
  const messageOf = (parse: (value: string) => unknown): string => {
    try {
      return String(parse("postgres//postgres:hunter2@host"));
    } catch (error) {
      return String(error);
    }
  };
  expect(messageOf(parseTcpDatabase)).toMatch(/DATABASE_URL: expected(?!.*hunter2)/);
  expect(messageOf(parseSocketDirectory)).toMatch(/OFFLINE_DATABASE_URL: expected(?!.*hunter2)/);
});

test("the folder of a socket survives its URL, whatever it is called", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(name, (text) => {
      expect(parseSocketDirectory(socketUrl(`/${text}`))).toBe(`/${text}`);
    }),
  );
});

test("a listener is found where one is, and missed with the variable's name where none is", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  await expect(requireListener("KAFKA_BROKERS", { host: "127.0.0.1", port: address.port })).resolves.toBeUndefined();
  await new Promise((resolve) => server.close(resolve));
  const [free = 0] = await findFreePorts(1);
  await expect(requireListener("KAFKA_BROKERS", { host: "127.0.0.1", port: free })).rejects.toMatchObject({
    code: "PART_NOT_ANSWERING",
    message: expect.stringContaining(`KAFKA_BROKERS: nothing answers at 127.0.0.1:${free}`),
  });
  await expect(requireListener("OFFLINE_DATABASE_URL", { path: "/no/such/socket" })).rejects.toMatchObject({
    code: "PART_NOT_ANSWERING",
  });
});

test("a shell reads from the file exactly what was written", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-addresses-test-"));
  const file = join(folder, "env");
  try {
    for (const value of [
      "a:1",
      "it's",
      "$(touch x)",
      "a b\tc",
      '"\\`',
      "''",
      "postgres:///p?host=/d&user=u",
      "two\nlines",
    ]) {
      await writeFile(file, renderEnvironmentFile({ KAFKA_BROKERS: value, DATABASE_URL: "x" }));
      const { stdout } = spawnSync("sh", ["-c", `. "$0"; printf %s "$KAFKA_BROKERS"`, file], {
        encoding: "utf8",
        cwd: folder,
      });
      expect(stdout).toBe(value);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
