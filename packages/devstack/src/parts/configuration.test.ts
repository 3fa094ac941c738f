// The configurations that the parts are started with, and the answers of tools that are read to start them.

import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { renderBitcoinConfig, renderBitcoinConfigFlags, renderRpcAuth } from "./bitcoind.ts";
import { parseRepository } from "./debian.ts";
import { clusterIdOf, renderKafkaConfig } from "./kafka-config.ts";
import { parseLibraries, parsePackageNames } from "./knots.ts";

test("Kafka's configuration: one node, loopback only, topics only when created, no wait for a second consumer", () => {
  const lines = renderKafkaConfig({
    brokerPort: 1111,
    controllerPort: 2222,
    dataDirectory: "/data",
    brokerSessionMs: 3_000,
  }).split("\n");
  for (const line of [
    "process.roles=broker,controller",
    "listeners=PLAINTEXT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222",
    "advertised.listeners=PLAINTEXT://127.0.0.1:1111",
    "controller.quorum.bootstrap.servers=127.0.0.1:2222",
    "log.dirs=/data",
    "broker.session.timeout.ms=3000",
    "auto.create.topics.enable=false",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.replication.factor=1",
    "group.initial.rebalance.delay.ms=0",
  ]) {
    expect(lines).toContain(line);
  }
});

test("bitcoind's configuration: regtest, nobody to talk to, an index of transactions, and no password in it", () => {
  const credentials = { user: "someone", password: "the-password" };
  const config = renderBitcoinConfig({ rpcPort: 1234, rpcAuth: renderRpcAuth(credentials, "5a17") });
  const lines = config.split("\n");
  for (const line of [
    "regtest=1",
    "txindex=1",
    "listen=0",
    "connect=0",
    "fallbackfee=0.0001",
    "rpcport=1234",
    "rpcbind=127.0.0.1",
  ]) {
    expect(lines).toContain(line);
  }
  // What follows the heading holds for regtest alone: an address to listen on has to.
  expect(lines.indexOf("rpcbind=127.0.0.1")).toBeGreaterThan(lines.indexOf("[regtest]"));
  const flags = renderBitcoinConfigFlags({ rpcPort: 1234, credentials });
  expect(flags).toEqual(expect.arrayContaining(["-regtest=1", "-txindex=1", "-listen=0", "-rpcport=1234"]));
  for (const text of [config, ...flags]) expect(text).not.toContain("the-password");
});

test("rpcauth is user:salt$HMAC-SHA256(salt, password), with a new salt each time", () => {
  const hash = createHmac("sha256", "5a17").update("secret").digest("hex");
  expect(renderRpcAuth({ user: "u", password: "secret" }, "5a17")).toBe(`u:5a17$${hash}`);
  const twice = [0, 1].map(() => renderRpcAuth({ user: "u", password: "secret" }));
  expect(twice[0]).not.toBe(twice[1]);
});

test("the Debian repository is the machine's own, and never that of security updates", () => {
  const lines = [
    "Debian bookworm-security http://mirror.example/debian-security/",
    "Somebody stable http://other.example/",
    "Debian bookworm http://mirror.example/debian/",
    "Debian bookworm http://mirror.example/debian/",
  ];
  expect(parseRepository(lines.join("\n"))).toBe("http://mirror.example/debian/");
  expect(parseRepository(lines.slice(0, 2).join("\n"))).toBeNull();
  expect(parseRepository("")).toBeNull();
});

test("packages are the real ones among apt-cache's lines, each once", () => {
  const lines = [
    "bitcoin-knots",
    "  Depends: libc6",
    " |Depends: debconf",
    "  Depends: <cdebconf>",
    "libc6",
    "<cdebconf>",
    "    other",
    "libc6",
  ];
  expect(parsePackageNames(lines.join("\n"))).toEqual(["bitcoin-knots", "libc6"]);
});

test("libraries are the files that the loader names; one that is missing is an error", () => {
  const listing = [
    "\tlinux-vdso.so.1 (0x00007ffd)",
    "\tlibc.so.6 => /root/usr/lib/libc.so.6 (0x00007f01)",
    "\tlibzmq.so.5 => /root/usr/lib/libzmq.so.5 (0x00007f02)",
  ];
  expect(parseLibraries(listing.join("\n"))).toEqual(["/root/usr/lib/libc.so.6", "/root/usr/lib/libzmq.so.5"]);
  expect(() => parseLibraries([...listing, "\tlibfoo.so => not found"].join("\n"))).toThrow("libfoo.so => not found");
});

test("a cluster's id is 22 characters and never looks like an option, whatever it is made from", () => {
  const firsts = Array.from({ length: 256 }, (_, first) => Uint8Array.of(first, ...new Uint8Array(15).fill(0xfb)));
  expect(firsts.filter((bytes) => Buffer.from(bytes).toString("base64url").startsWith("-"))).toHaveLength(4);
  expect(firsts.map(clusterIdOf).filter((id) => !/^[A-Za-f][\w-]{21}$/.test(id))).toEqual([]);
});
