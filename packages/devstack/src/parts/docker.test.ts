// What can be known of the containers without an engine: where one is looked for, and what they are told.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dockerAnswers, engineAddresses, toContainerEnvironment } from "./docker.ts";

test("DOCKER_HOST alone decides when it is set", () => {
  expect(engineAddresses({ DOCKER_HOST: "unix:///run/other.sock" })).toEqual([{ socketPath: "/run/other.sock" }]);
  expect(engineAddresses({ DOCKER_HOST: "tcp://engine:2376" })).toEqual([{ host: "engine", port: 2376 }]);
  expect(engineAddresses({ DOCKER_HOST: "tcp://engine" })).toEqual([{ host: "engine", port: 2375 }]);
  expect(engineAddresses({ DOCKER_HOST: "ssh://engine" })).toEqual([]);
  expect(engineAddresses({ DOCKER_HOST: "nonsense" })).toEqual([]);
});

test("otherwise the usual sockets are tried, root's first", () => {
  const addresses = engineAddresses({ XDG_RUNTIME_DIR: "/run/user/7" });
  expect(addresses[0]).toEqual({ socketPath: "/var/run/docker.sock" });
  expect(addresses[1]).toEqual({ socketPath: "/run/user/7/docker.sock" });
});

test("an engine answers only when something at the socket says so, and the lack of one is noticed at once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-docker-test-"));
  const socketPath = join(folder, "engine.sock");
  const env = { DOCKER_HOST: `unix://${socketPath}` };
  try {
    expect(await dockerAnswers(env)).toBe(false);
    const good = await listen(socketPath, 200);
    expect(await dockerAnswers(env)).toBe(true);
    await close(good);
    const broken = await listen(socketPath, 500);
    expect(await dockerAnswers(env)).toBe(false);
    await close(broken);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a socket at which nobody ever answers does not hold the start up", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-docker-test-"));
  const socketPath = join(folder, "engine.sock");
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
  expect(await dockerAnswers({ DOCKER_HOST: `unix://${socketPath}` })).toBe(false);
  silent.closeAllConnections();
  await close(silent);
  await rm(folder, { recursive: true });
});

test("settings become the variables that the image reads", () => {
  expect(toContainerEnvironment({ "auto.create.topics.enable": "false", "node.id": 1 })).toEqual({
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false",
    KAFKA_NODE_ID: "1",
  });
});

async function listen(socketPath: string, status: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/_ping" ? status : 404;
    response.end("OK");
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return server;
}

function close(server: Server): Promise<unknown> {
  return new Promise((resolve) => server.close(resolve));
}
