// bitcoind on regtest: the node of the environment, a container, a program on PATH, or Debian sid's.

import { createHmac, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askBitcoind } from "./bitcoind-rpc.ts";
import { type Child, startChild } from "./child.ts";
import { findExecutable, plainEnvironment } from "./executable.ts";
import type { Log } from "./find-part.ts";
import { findKnots } from "./knots.ts";
import { PartError } from "./part-error.ts";
import { findFreePorts } from "./ports.ts";
import type { Restartable } from "./running.ts";

export const BITCOIND_ADVICE =
  "Set BITCOIN_RPC_URL to a regtest node (http://user:password@host:port), or start Docker, or put bitcoind on PATH (or its path in BITCOIND), or use Debian with the package debian-archive-keyring, whose sid has one to unpack.";

const READY_WITHIN_MS = 60_000;

export type RpcCredentials = { readonly user: string; readonly password: string };

export function createRpcCredentials(): RpcCredentials {
  return { user: "sluice", password: randomBytes(24).toString("hex") };
}

/** bitcoind's `rpcauth` value: the password itself is in no file. Source: share/rpcauth in Bitcoin Core. */
export function renderRpcAuth(credentials: RpcCredentials, salt: string = randomBytes(16).toString("hex")): string {
  const hash = createHmac("sha256", salt).update(credentials.password).digest("hex");
  return `${credentials.user}:${salt}$${hash}`;
}

export type NodeSettings = Readonly<Record<string, string | number>>;

/** The settings of a node that is asked by many; a container's too. */
const NODE_SETTINGS: NodeSettings = {
  txindex: 1,
  rpcthreads: 8,
  rpcworkqueue: 256,
  // Regtest has no history of fees to estimate from.
  fallbackfee: "0.0001",
};

/** It talks to nobody. */
const ALONE: NodeSettings = { listen: 0, connect: 0 };

/** bitcoin.conf for 127.0.0.1. */
export function renderBitcoinConfig(options: {
  readonly rpcPort: number;
  readonly rpcAuth: string;
  readonly more?: NodeSettings;
}): string {
  const settings = {
    ...{ rpcbind: "127.0.0.1", rpcallowip: "127.0.0.1", rpcport: options.rpcPort, rpcauth: options.rpcAuth },
    ...NODE_SETTINGS,
    ...(options.more ?? ALONE),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return ["regtest=1", "server=1", "printtoconsole=1", "[regtest]", ...lines, ""].join("\n");
}

/** The same as arguments, for a container: reachable through its mapped port. */
export function renderBitcoinConfigFlags(options: {
  readonly rpcPort: number;
  readonly credentials: RpcCredentials;
}): string[] {
  const settings = {
    ...{ regtest: 1, server: 1, printtoconsole: 1, rpcbind: "0.0.0.0", rpcallowip: "0.0.0.0/0" },
    ...{ rpcport: options.rpcPort, rpcauth: renderRpcAuth(options.credentials) },
    ...NODE_SETTINGS,
    ...ALONE,
  };
  return Object.entries(settings).map(([name, value]) => `-${name}=${value}`);
}

export type LocalBitcoind = Restartable & { readonly rpcUrl: string };

export type StartBitcoind = (directory: string, more?: NodeSettings) => Promise<LocalBitcoind>;

export async function findLocalBitcoind(log: Log): Promise<StartBitcoind | null> {
  const named = process.env["BITCOIND"];
  const program = findExecutable(named ?? "bitcoind");
  if (named !== undefined && program === null) {
    throw new PartError("PART_NOT_FOUND", `BITCOIND names ${named}, which is no executable file.`);
  }
  if (program !== null) return (directory, more) => startBitcoind([program], directory, log, more);
  const knots = await findKnots(log);
  return knots === null ? null : async (directory, more) => startBitcoind(await knots(), directory, log, more);
}

/** The first listens for the others, and they connect to it alone. Whom it may trust it tells at once what it hears. */
export function peerSettings(port: number): { readonly first: NodeSettings; readonly other: NodeSettings } {
  const common = { listenonion: 0, dnsseed: 0, whitelist: "noban@127.0.0.1" };
  return {
    first: { ...common, listen: 1, bind: `127.0.0.1:${port}`, connect: 0 },
    other: { ...common, listen: 0, connect: `127.0.0.1:${port}` },
  };
}

async function startBitcoind(
  command: readonly string[],
  directory: string,
  log: Log,
  more: NodeSettings = ALONE,
): Promise<LocalBitcoind> {
  const [rpcPort = 0, zmqPort = 0] = await findFreePorts(2);
  const credentials = createRpcCredentials();
  const rpcUrl = `http://${credentials.user}:${credentials.password}@127.0.0.1:${rpcPort}`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const news = { zmqpubsequence: `tcp://127.0.0.1:${zmqPort}` };
  const config = renderBitcoinConfig({ rpcPort, rpcAuth: renderRpcAuth(credentials), more: { ...news, ...more } });
  await writeFile(join(directory, "bitcoin.conf"), config, { mode: 0o600 });
  const again = () => startNode(command, directory, rpcUrl);
  const child = await again();
  log(`bitcoind: regtest, RPC at 127.0.0.1:${rpcPort}, process ${child.pid}`);
  return { rpcUrl, child, again };
}

function startNode(command: readonly string[], directory: string, rpcUrl: string): Promise<Child> {
  return startChild({
    name: "bitcoind",
    command: [...command, `-datadir=${directory}`],
    env: { ...plainEnvironment(), HOME: directory },
    cwd: directory,
    logFile: join(directory, "bitcoind.log"),
    ready: { kind: "probe", probe: () => isRegtest(rpcUrl) },
    readyWithinMs: READY_WITHIN_MS,
  });
}

/** False while it is not listening yet or still warming up. */
export async function isRegtest(rpcUrl: string): Promise<boolean> {
  const answer = await askBitcoind(rpcUrl, "getblockchaininfo").catch(() => null);
  return answer?.ok === true && chainOf(answer.result) === "regtest";
}

/** Coins are mined and spent freely here, so a node of any other chain is refused. */
export async function requireRegtest(rpcUrl: string): Promise<void> {
  const shown = new URL(rpcUrl).host;
  const answer = await askBitcoind(rpcUrl, "getblockchaininfo").catch((error: unknown) => {
    throw new PartError("PART_NOT_ANSWERING", `BITCOIN_RPC_URL: nothing answers at ${shown}`, { cause: error });
  });
  if (!answer.ok) throw new PartError("PART_NOT_ANSWERING", `BITCOIN_RPC_URL: ${shown} answers: ${answer.message}`);
  const chain = chainOf(answer.result);
  if (chain !== "regtest") {
    throw new PartError(
      "PART_NOT_ANSWERING",
      `BITCOIN_RPC_URL: the node at ${shown} is on chain "${chain}", only regtest is used here`,
    );
  }
}

function chainOf(result: unknown): string {
  return typeof result === "object" && result !== null ? String(Reflect.get(result, "chain")) : "";
}
