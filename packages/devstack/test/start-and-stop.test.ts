// Parts that are started here, without an address in the environment, and what is left of them afterwards: nothing.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { expect, test } from "vitest";
import { networkInterfacesOf, type OfflinePostgresPart, readPermissions, startParts } from "../src/index.ts";
import { createFolder } from "../src/parts/folder.ts";
import { readServerPid } from "../src/parts/postgres-socket.ts";
import { isRunning, waitUntilGone } from "../src/parts/process-state.ts";

async function askOne(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: unknown }>(sql);
    return rows[0]?.answer;
  } finally {
    await client.end();
  }
}

test("two Postgres servers start, serve, and are gone with their folder after stop", async () => {
  const parts = await startParts({ log: () => undefined, which: ["postgres", "offlinePostgres"], env: {} });
  const { postgres, offlinePostgres, directory } = parts;
  expect(await askOne(postgres.url, "SELECT current_setting('data_checksums') AS answer")).toBe("on");
  expect(await askOne(offlinePostgres.url, "SELECT current_setting('listen_addresses') AS answer")).toBe("");

  const pid = readServerPid(offlinePostgres.socketDirectory);
  if (offlinePostgres.how === "local") {
    if (pid === null) throw new Error("the server left no lock file beside its socket");
    expect(offlinePostgres.isolated).toBe(readPermissions().networkNamespace !== "none");
    if (offlinePostgres.isolated) expect(networkInterfacesOf(pid)).toEqual(["lo"]);
    // Whoever can reach the socket is trusted, so nobody else may reach it.
    expect(statSync(offlinePostgres.socketDirectory).mode & 0o007).toBe(0);
    // The password went to initdb through a file, which is not there any more.
    expect(readdirSync(join(directory, "postgres"))).not.toContain("password");
  }

  await parts.stop();
  expect(existsSync(directory)).toBe(false);
  if (pid !== null) expect(isRunning(pid)).toBe(false);
  await expect(askOne(postgres.url, "SELECT 1 AS answer")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(askOne(offlinePostgres.url, "SELECT 1 AS answer")).rejects.toMatchObject({ code: "ENOENT" });
});

test("a stack that is killed leaves no server running, and the next start removes its folder", async () => {
  const module = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const script = `
    import { startParts } from ${JSON.stringify(module)};
    const parts = await startParts({ log: () => undefined, which: ["postgres", "offlinePostgres"], env: {} });
    console.log(JSON.stringify({ directory: parts.directory, offline: parts.offlinePostgres }));
    setInterval(() => undefined, 1000);`;
  // Without Docker: a container outlives whoever started it, and its own reaper removes it later.
  const env = { PATH: process.env["PATH"] ?? "", DOCKER_HOST: "unix:///no/such/engine.sock" };
  const stack = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: stack.stdout }), "line");
  const { directory, offline }: { directory: string; offline: OfflinePostgresPart } = JSON.parse(String(line));
  const servers = [
    readServerPid(offline.socketDirectory),
    readPidFile(join(directory, "postgres", "data", "postmaster.pid")),
  ];
  expect(servers.map((pid) => isRunning(pid ?? 0))).toEqual([true, true]);

  stack.kill("SIGKILL");
  for (const pid of servers) expect(await waitUntilGone(pid ?? 0, 10_000)).toBe(true);
  expect(existsSync(directory)).toBe(true);
  const next = await createFolder(dirname(directory));
  await next.remove();
  expect(existsSync(directory)).toBe(false);
});

function readPidFile(file: string): number {
  return Number(readFileSync(file, "utf8").split("\n")[0]);
}
