// Finds TCP ports of the loopback address that nobody uses.

import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

// Below the range that Linux hands to outgoing connections (32768 and up), so that a port found free is not
// taken by somebody's client connection before the server that it was meant for has bound it.
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;
const MOST_TRIES = 200;

/** Distinct free ports of 127.0.0.1. All are held until the last is found, so none is given out twice. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const held: Server[] = [];
  try {
    for (let tries = 0; held.length < count && tries < MOST_TRIES; tries += 1) {
      const server = await tryListen(randomInt(FIRST_PORT, LAST_PORT));
      if (server !== null) held.push(server);
    }
    if (held.length < count) throw new Error(`found only ${held.length} of ${count} free ports on 127.0.0.1`);
    return held.map(portOf);
  } finally {
    await Promise.all(held.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }
}

function tryListen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}
