// Finds TCP ports of the loopback address that nobody uses, and that nobody else who looks this way is given meanwhile.

import { randomInt } from "node:crypto";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { cacheRoot } from "./cache.ts";

// Below the range that Linux hands to outgoing connections (32768 and up), so that a port found free is not
// taken by somebody's client connection before the server that it was meant for has bound it.
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;
const MOST_TRIES = 200;
/** Longer than any server takes from being given its port until it has bound it. */
const PROMISED_MS = 120_000;

/**
 * Distinct free ports of 127.0.0.1. Each is promised to the caller for two minutes: several processes look at once, and a port
 * that is free for one of them is free for the others too until it is bound.
 */
export async function findFreePorts(
  count: number,
  folder: string = join(cacheRoot(), "ports"),
): Promise<readonly number[]> {
  await forgetOld(folder);
  const held: Server[] = [];
  try {
    for (let tries = 0; held.length < count && tries < MOST_TRIES; tries += 1) {
      const port = randomInt(FIRST_PORT, LAST_PORT);
      const server = await tryListen(port);
      if (server === null) continue;
      if (await promise(folder, port)) held.push(server);
      else await close(server);
    }
    if (held.length < count) throw new Error(`found only ${held.length} of ${count} free ports on 127.0.0.1`);
    return held.map(portOf);
  } finally {
    await Promise.all(held.map(close));
  }
}

/** False when it is promised to somebody already. A folder that cannot be written promises nothing, and stops nobody. */
async function promise(folder: string, port: number): Promise<boolean> {
  try {
    await writeFile(join(folder, String(port)), "", { flag: "wx" });
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "EEXIST");
  }
}

async function forgetOld(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(() => undefined);
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      // Somebody else may have removed it meanwhile.
      const since = (await stat(file).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
      if (Date.now() - since > PROMISED_MS) await rm(file, { force: true });
    }),
  );
}

function tryListen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}
